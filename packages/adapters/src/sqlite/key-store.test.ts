import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeKeyStoreContract } from "@counterfoil/processing/testing/key-store.contract";
import { expect, test } from "@jest/globals";
import { openKeyStore } from "./key-store.ts";

const newFolder = () => mkdtemp(join(tmpdir(), "counterfoil-keys-"));

describeKeyStoreContract("sqlite", async () => {
  const dataDir = await newFolder();
  return {
    open: async () => openKeyStore({ dataDir }),
    lose: () => rm(join(dataDir, "keys.db")),
    dispose: () => rm(dataDir, { recursive: true }),
  };
});

test("its file is the owner's alone; one that is damaged is an error, and not empty", async () => {
  const dataDir = await newFolder();
  const keys = openKeyStore({ dataDir });
  await keys.put("one", "a".repeat(64));
  const file = join(dataDir, "keys.db");
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe("600");
  await writeFile(file, "no database at all, but long enough to be looked at as one".repeat(20));
  await expect(keys.digests()).rejects.toMatchObject({ name: "StreamCorrupted" });
  await rm(dataDir, { recursive: true });
});
