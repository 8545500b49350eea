import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import {
  addressOf,
  endAllProcesses,
  type LogLine,
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

test("a role that waits for its ledger ends when it is asked to", async () => {
  const gateway = startRole(["gateway"], configOf(newFolder()));
  await gateway.whenLogged(({ msg }) => String(msg).startsWith("waiting"));
  expect(await stopRole(gateway)).toBe(0);
});
