import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "@counterfoil/adapters/testing/free-ports";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { until } from "./support/api.ts";
import { endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

/** A pipe that takes nothing more, and that nobody reads. */
function openFullPipe(): number {
  const path = join(newFolder(), "pipe");
  execFileSync("mkfifo", [path]);
  const full = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const inherited = openSync(path, "r+");
  try {
    for (;;) writeSync(full, Buffer.alloc(4_096));
  } catch {
    closeSync(full);
    return inherited;
  }
}

/** The address of a service that cannot say it, once it answers. */
async function whenAnswering(address: string): Promise<void> {
  const health = () => fetch(`${address}/readyz`).catch(() => null);
  await until("an answer", health, (answer) => answer?.status === 200);
}

test.each([
  ["a pipe that nobody reads", openFullPipe],
  ["a file on a full disk", () => openSync("/dev/full", "w")],
])("a log to %s stops no answer and no start", async (_, openLog) => {
  const port = await freePorts();
  const address = `http://127.0.0.1:${port}`;
  const env = {
    ...configOf(newFolder()),
    COUNTERFOIL_HTTP_PORT: String(port),
    // A feed that is not there brings a line with each attempt.
    COUNTERFOIL_ZEROHASH_FEED_URL: `ws://127.0.0.1:${await freePorts()}`,
    COUNTERFOIL_ZEROHASH_FEED_KEY: "key",
    COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "passphrase",
    COUNTERFOIL_ZEROHASH_FEED_SECRET: "c2VjcmV0",
  };
  for (const start of ["first", "second"]) {
    const log = openLog();
    const service = startRole(["start"], env, { stdout: log });
    closeSync(log);
    await whenAnswering(address);
    for (let n = 0; n < 1_000; n += 1) {
      const refused = await fetch(`${address}/webhooks/zerohash`, { method: "POST", body: "{}" });
      expect([start, refused.status]).toEqual([start, 401]);
    }
    expect(await stopRole(service)).toBe(0);
  }
});
