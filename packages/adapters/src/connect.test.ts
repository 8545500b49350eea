import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamMissing } from "@counterfoil/processing/ports/errors";
import { afterAll, expect, test } from "@jest/globals";
import { loadConfig } from "./config.ts";
import { closing, connect, ledgerFolder } from "./connect.ts";

const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-connect-"));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const configOf = (ledger: string) =>
  loadConfig({ COUNTERFOIL_DATA_DIR: dataDir, COUNTERFOIL_LEDGER: ledger });

test("the default ledger uses the data folder itself, another one its own folder in it", () => {
  expect(ledgerFolder(configOf("default"))).toBe(dataDir);
  expect(ledgerFolder(configOf("other"))).toBe(join(dataDir, "other"));
});

test("a reader finds a stream only after a writer has created it", async () => {
  const config = configOf("read");
  await expect(connect(config, "read")).rejects.toThrow(StreamMissing);
  await (await connect(config, "write")).close();
  const reader = await connect(config, "read");
  expect(reader).toMatchObject({ engine: "sqlite", ledger: "read", environment: "production" });
  expect((await reader.stream.head()).position).toBe(0);
  await reader.close();
});

test("every part is closed in order, whichever fails, and the first error is thrown", async () => {
  const closed: string[] = [];
  const part = (name: string, error?: Error) => ({
    close: async () => {
      closed.push(name);
      if (error !== undefined) throw error;
    },
  });
  const [gone, full] = [new Error("the connection is gone"), new Error("the disk is full")];
  const close = closing(part("keys"), part("catalogue", gone), part("stream", full), part("index"));
  await expect(close()).rejects.toBe(gone);
  expect(closed).toEqual(["keys", "catalogue", "stream", "index"]);
});
