import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { FeedCommand, FeedMessage } from "@counterfoil/processing/changes/feed";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type ChangeStreams, createChangeStreams, type StreamLimits } from "./changes.ts";

const READER = { keyId: null, role: "reader", platform: null, actor: "nobody" } as const;
const CHUNK = Buffer.alloc(64 * 1024, "x");

let server: Server;
let streams: ChangeStreams;
let send: (message: FeedMessage) => void;
let told: FeedCommand[];
let cut: string[];
const sockets: Socket[] = [];

/** Streams over real sockets, of a feed that says what the test has it say. */
async function start(limits: Partial<StreamLimits> = {}): Promise<void> {
  const saidTo: FeedCommand[] = [];
  [told, cut] = [saidTo, []];
  streams = createChangeStreams({
    openFeed: (say) => {
      send = say;
      return { tell: (command) => void saidTo.push(command), stop: async () => {} };
    },
    limits: {
      streamsMax: 100,
      unreadMax: 1024 * 1024,
      unreadOfAllMax: 8 * 1024 * 1024,
      stalledMs: 60_000,
      ...limits,
    },
    isAdmitted: async () => true,
    log: (_kind, _level, { why }) => void cut.push(String(why)),
  });
  server = createServer((_request, response) => {
    response.writeHead(200).flushHeaders();
    streams.open(response, {
      caller: READER,
      from: null,
      isResumed: false,
      topics: null,
      platform: null,
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

beforeEach(() => start());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await streams.stop();
  server.closeAllConnections();
  server.close();
});

/** Reads nothing until it is told to. */
async function connectReader(): Promise<Readonly<{ socket: Socket; bytes: () => number }>> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  sockets.push(socket);
  const before = streams.count();
  let bytes = 0;
  socket.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
  await until(() => streams.count() > before);
  socket.pause();
  socket.on("data", (chunk) => {
    bytes += chunk.length;
  });
  socket.pause();
  return { socket, bytes: () => bytes };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const joinAll = () => {
  for (const command of told) {
    if (command.kind !== "open") continue;
    const { reader } = command;
    send({ kind: "page", reader, bytes: Buffer.from(":\n\n"), isLive: true, channel: "all" });
  }
};
const sendLive = () => send({ kind: "live", channel: "all", bytes: CHUNK });
const passed = () => told.filter(({ kind }) => kind === "passed").length;

/** More than sockets hold by themselves. */
const CHUNKS = 400;

test("a reader that does not read is disconnected, and the others receive everything", async () => {
  const slow = await connectReader();
  const quick = await connectReader();
  joinAll();
  quick.socket.resume();
  for (let sent = 1; sent <= CHUNKS; sent += 1) {
    sendLive();
    await until(() => passed() === sent);
    await until(() => quick.bytes() >= sent * CHUNK.length);
  }
  expect(cut).toEqual(["one"]);
  expect(streams.count()).toBe(1);
  slow.socket.resume();
  await until(() => slow.socket.closed);
});

test("if the unread bytes of all exceed the limit, the slowest are disconnected", async () => {
  await streams.stop();
  server.close();
  await start({ unreadMax: 64 * 1024 * 1024, unreadOfAllMax: 2 * 1024 * 1024 });
  for (let count = 0; count < 3; count += 1) await connectReader();
  joinAll();
  for (let sent = 1; sent <= CHUNKS && streams.count() > 0; sent += 1) {
    sendLive();
    await until(() => passed() === sent);
  }
  expect(new Set(cut)).toEqual(new Set(["all"]));
});

test("one that reads nothing of its page for too long is disconnected, and gets no next page", async () => {
  await streams.stop();
  server.close();
  await start({ stalledMs: 500 });
  await connectReader();
  const reader = 1;
  const bytes = Buffer.alloc(64 * 1024 * 1024);
  send({ kind: "page", reader, bytes, isLive: false, channel: "all" });
  await until(() => streams.count() === 0);
  expect(cut).toEqual(["stalled"]);
  expect(told.map(({ kind }) => kind)).toEqual(["open", "close"]);
});

test("after a page was read, the next one is requested", async () => {
  const reader = await connectReader();
  reader.socket.resume();
  send({ kind: "page", reader: 1, bytes: CHUNK, isLive: false, channel: "all" });
  await until(() => told.some(({ kind }) => kind === "more"));
  await until(() => reader.bytes() >= CHUNK.length);
});
