import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import {
  addressOf,
  endAllProcesses,
  type LogLine,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const isStopping = ({ msg }: LogLine) => String(msg).startsWith("stopping");

/** A webhook whose body never comes. */
async function stall(address: string): Promise<void> {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => {});
  const head = "POST /webhooks/layer1 HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n";
  await new Promise<void>((resolve) => socket.write(head, () => resolve()));
}

test("a stop waits for a request under way, though not for ever", async () => {
  const service = startRole(["start"], configOf(newFolder()));
  await stall(await addressOf(service));
  expect(await stopRole(service)).toBe(0);
  expect(service.log()).toContain('"msg":"stopped"');
});

test("a second signal ends at once; an echo of the first does not", async () => {
  const service = startRole(["start"], configOf(newFolder()));
  await stall(await addressOf(service));
  service.signal("SIGINT");
  // Late enough to be a signal of its own; the log's line may come too late on a busy machine.
  await wait(10);
  service.signal("SIGINT");
  await service.whenLogged(isStopping);
  // The rule itself is one of time: only a signal that comes later is meant.
  await wait(300);
  service.signal("SIGTERM");
  expect(await service.ended).toBe(143);
  expect(service.log()).not.toContain('"msg":"stopped"');
});

/** Signals the process at the moment at which it begins to load the program. */
const SIGNALLED_EARLY = `
import { registerHooks } from "node:module";
registerHooks({
  load(url, context, next) {
    if (url.endsWith("/src/main.ts")) process.kill(process.pid, "SIGINT");
    return next(url, context);
  },
});
`;

test.each([
  [["import", "none.jsonl"], 1, "error: stopped\n  stopped before it was finished\n"],
  [["export", "--out", "none.jsonl"], 1, "error: stopped\n  stopped before it was finished\n"],
  [["start"], 0, ""],
])("%j ends as documented where the signal comes before it has begun", async (args, code, says) => {
  const folder = newFolder();
  const file = join(folder, "signal.mjs");
  writeFileSync(file, SIGNALLED_EARLY);
  const env = { ...configOf(folder), NODE_OPTIONS: `--import=${file}` };
  const ended = await runCommand(args, env);
  expect([ended.code, ended.stderr]).toEqual([code, says]);
});

test("a role that waits for its ledger ends when it is asked to", async () => {
  const gateway = startRole(["gateway"], configOf(newFolder()));
  await gateway.whenLogged(({ msg }) => String(msg).startsWith("waiting"));
  expect(await stopRole(gateway)).toBe(0);
});
