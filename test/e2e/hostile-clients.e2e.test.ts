import { connect, type Socket } from "node:net";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { addressOf, endAllProcesses, startRole, stopRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await endAllProcesses();
});
afterAll(removeFolders);

const MEMORY_BYTES_MAX = 512 * 1024 * 1024;
/** Answers that were made and cut are garbage, of which V8 keeps some: without the limits, gigabytes. */
const WITH_GARBAGE_BYTES_MAX = 768 * 1024 * 1024;

async function memoryOf(address: string): Promise<number> {
  const metrics = await (await fetch(`${address}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
}

type Client = Readonly<{ socket: Socket; sent: Promise<void>; closed: Promise<void> }>;

function open(address: string, ...parts: readonly (string | Buffer)[]): Client {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  const closed = new Promise<void>((resolve) =>
    socket.on("error", () => {}).once("close", () => resolve()),
  );
  const sent = new Promise<void>((resolve) => {
    for (const [at, part] of parts.entries()) {
      socket.write(part, () => at === parts.length - 1 && resolve());
    }
  });
  // Whoever is cut sends no more.
  return { socket, sent: Promise.race([sent, closed]), closed };
}

/**
 * In groups, each taken from the kernel before the next comes: of thousands at once it forgets some,
 * and never tells a client that says nothing.
 */
async function openMany(
  address: string,
  count: number,
  ...parts: readonly (string | Buffer)[]
): Promise<readonly Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    for (let n = 0; n < 100; n += 1) clients.push(open(address, ...parts));
    const last = open(address, "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    last.socket.resume();
    await last.closed;
  }
  return clients;
}

const HALF_BODY = Buffer.alloc(200_000, "x");
const HALF_SENT = "POST /webhooks/zerohash HTTP/1.1\r\nhost: a\r\ncontent-length: 250000\r\n\r\n";

test("thousands who send by halves, say nothing or never read hold up nobody", async () => {
  const service = startRole(["start"], configOf(newFolder()));
  const address = await addressOf(service);
  const sendAll = async () => {
    const { acknowledged, refused } = await sendScenario("layer1-deposit", address);
    expect([acknowledged > 0, refused]).toEqual([true, 0]);
  };

  const halves = await openMany(address, 5_000, HALF_SENT, HALF_BODY);
  for (const { socket } of halves) socket.resume();
  await Promise.all(halves.map(({ sent }) => sent));
  await sendAll();
  expect(await memoryOf(address)).toBeLessThan(MEMORY_BYTES_MAX);
  await Promise.all(halves.map(({ closed }) => closed));

  const silent = await openMany(address, 5_000);
  for (const { socket } of silent) socket.resume();
  await Promise.all(silent.map(({ closed }) => closed));
  expect(await memoryOf(address)).toBeLessThan(MEMORY_BYTES_MAX);

  const ask = "GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
  const unread = [16, 1_000].flatMap((times) =>
    Array.from({ length: 60 }, () => open(address, ask.repeat(times))),
  );
  for (const { socket } of unread) socket.pause();
  await Promise.all(unread.map(({ sent }) => sent));
  await sendAll();
  expect(await memoryOf(address)).toBeLessThan(WITH_GARBAGE_BYTES_MAX);
  expect(await stopRole(service)).toBe(0);
});
