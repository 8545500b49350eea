import { nodeHashing as hashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import {
  endAllProcesses,
  isReady,
  type LogLine,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const YEARS = 10n * 365n * 86_400_000_000_000n;

/** A ledger that was opened while the clock was off by this much. */
async function openedAt(offset: bigint): Promise<string> {
  const dataDir = newFolder();
  const clock = { ...systemClock, now: () => systemClock.now() + offset };
  const stream = await openEventStream({ dataDir, ledger: "default", hashing, clock });
  await openLedger(stream, { name: "default", environment: "production" }, hashing);
  await stream.close();
  return dataDir;
}

const isOfClock = ({ msg }: LogLine): boolean => String(msg).includes("clock is behind");

test("a start that is behind the ledger's last event is warned, and goes on", async () => {
  const role = startRole(["start"], configOf(await openedAt(YEARS)));
  await role.whenLogged(isReady);
  expect(await role.whenLogged(isOfClock)).toMatchObject({ level: "warn", position: "1" });
  expect(await stopRole(role)).toBe(0);
});

test("a ledger that rested for ten years is not", async () => {
  const role = startRole(["start"], configOf(await openedAt(-YEARS)));
  await role.whenLogged(isReady);
  expect(role.log()).not.toContain("clock is behind");
  expect(await stopRole(role)).toBe(0);
});
