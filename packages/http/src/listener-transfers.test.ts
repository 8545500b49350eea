import { once } from "node:events";
import type { Socket } from "node:net";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { afterEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { createListener, type ListenerLimits } from "./listener.ts";
import { openConnection, readAnswer, requestHead } from "./testing/raw-http.ts";

const cleanups: (() => Promise<unknown>)[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const KIB = 1024;
const ANSWER_BYTES = 16 * 1024 * KIB;

async function start(limits: Partial<ListenerLimits>) {
  const lines: string[] = [];
  const listener = createListener({
    config: { COUNTERFOIL_MAX_BODY_BYTES: 64 * KIB },
    address: { host: "127.0.0.1", port: 0, hostVariable: "HOST", portVariable: "PORT" },
    clock: createManualClock(),
    logger: pino({ level: "info" }, { write: (line: string) => void lines.push(line) }),
    limits,
  });
  cleanups.push(listener.stop);
  const { app } = listener;
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.post("/", async ({ body }) => ({ taken: (body as Buffer).length }));
  // More than the sockets of both sides buffer, so that most of it stays in this process.
  app.get("/", async () => "x".repeat(ANSWER_BYTES));
  const url = await listener.start();
  const open = (text: string, body: Buffer = Buffer.alloc(0)) => {
    const socket = openConnection(url);
    sockets.push(socket);
    socket.on("error", () => {});
    socket.write(text);
    socket.write(body);
    return socket;
  };
  const logged = () => lines.map((line) => JSON.parse(line));
  return { app, url, open, logged };
}

const HEADERS = { "content-type": "text/plain", connection: "close" };
const GET = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/** A request whose body never arrives completely. */
const halfSent = (open: (text: string, body: Buffer) => Socket, bytes: number): Socket =>
  open(requestHead("/", { ...HEADERS, "content-length": String(60 * KIB) }), Buffer.alloc(bytes));

test("incomplete bodies beyond the limit: the oldest gets 503, a complete one 200", async () => {
  const { open, logged } = await start({ bodyBytesMax: 100 * KIB });
  const first = halfSent(open, 50 * KIB);
  const firstAnswer = readAnswer(first);
  halfSent(open, 50 * KIB);
  halfSent(open, 50 * KIB);
  const { status, head, body } = await firstAnswer;
  expect(status).toBe(503);
  expect(head.toLowerCase()).toContain("retry-after: 1");
  expect(JSON.parse(body)).toMatchObject({ code: "overloaded" });
  const whole = open(
    requestHead("/", { ...HEADERS, "content-length": String(50 * KIB) }),
    Buffer.alloc(50 * KIB),
  );
  expect(JSON.parse((await readAnswer(whole)).body)).toEqual({ taken: 50 * KIB });
  expect(logged()).toContainEqual(
    expect.objectContaining({ msg: "transfer cut", what: "body", why: "bytes" }),
  );
});

test("a complete body does not count, however slow its response is", async () => {
  const { open } = await start({ bodyBytesMax: 100 * KIB });
  for (let n = 0; n < 10; n += 1) {
    const whole = open(
      requestHead("/", { ...HEADERS, "content-length": String(50 * KIB) }),
      Buffer.alloc(50 * KIB),
    );
    expect((await readAnswer(whole)).status).toBe(200);
  }
});

/** Everything that a connection receives until its end. */
async function bytesOf(socket: Socket): Promise<number> {
  socket.resume();
  await once(socket, "close");
  return socket.bytesRead;
}

test("unread responses beyond the limit: the oldest is aborted", async () => {
  const { app, open, logged } = await start({ answerBytesMax: 2.5 * ANSWER_BYTES });
  const unread: Socket[] = [];
  for (let n = 0; n < 3; n += 1) {
    const answering = new Promise<void>((resolve) => {
      app.server.once("request", (_request, response) => response.once("prefinish", resolve));
    });
    unread.push(open(GET).pause());
    await answering;
  }
  const [first, ...others] = await Promise.all(unread.map(bytesOf));
  expect(first).toBeLessThan(ANSWER_BYTES);
  for (const bytes of others) expect(bytes).toBeGreaterThan(ANSWER_BYTES);
  expect(logged()).toMatchObject([{ msg: "transfer cut", what: "answer", why: "bytes" }]);
});

const ASK = "GET /none HTTP/1.1\r\nhost: a\r\n\r\n";

test("a connection with too many unread requests is closed; one with a few is not", async () => {
  const { open, logged } = await start({});
  const answer = await readAnswer(open(ASK.repeat(15) + GET));
  expect(answer.status).toBe(404);
  expect(logged()).toEqual([]);
  await bytesOf(open(ASK.repeat(100)));
  expect(logged()).toMatchObject([{ msg: "transfer cut", what: "answer", why: "requests" }]);
});

test("responses that were read do not count", async () => {
  const { open, logged } = await start({ answerBytesMax: 2.5 * ANSWER_BYTES });
  for (let n = 0; n < 5; n += 1) {
    expect((await readAnswer(open(GET))).body.length).toBe(ANSWER_BYTES);
  }
  const unread = [open(GET), open(GET)];
  for (const bytes of await Promise.all(unread.map(bytesOf))) {
    expect(bytes).toBeGreaterThan(ANSWER_BYTES);
  }
  expect(logged()).toEqual([]);
});

test("an unread response is aborted after its timeout", async () => {
  const { app, open, logged } = await start({ answerTimeoutMs: 100 });
  const closed = new Promise<void>((resolve) => {
    app.server.once("connection", (socket) => socket.once("close", resolve));
  });
  const unread = open(GET).pause();
  await closed;
  expect(await bytesOf(unread)).toBeLessThan(ANSWER_BYTES);
  expect(logged()).toMatchObject([{ msg: "transfer cut", what: "answer", why: "time" }]);
});

test("a silent connection gets 408 and is closed", async () => {
  const { open } = await start({ headersTimeoutMs: 50 });
  const { status, body } = await readAnswer(open(""));
  expect(status).toBe(408);
  expect(JSON.parse(body)).toMatchObject({ code: "request_timeout" });
});

test("a connection beyond the maximum is closed, and idle ones make room", async () => {
  const { app, open, logged } = await start({ connectionsMax: 2 });
  const kept = open("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(kept, "data");
  halfSent(open, 1);
  await once(app.server, "request");
  const closed = [kept, open(GET).resume()].map(
    (socket) => new Promise((resolve) => socket.once("close", resolve)),
  );
  await Promise.all(closed);
  expect((await readAnswer(open(GET))).status).toBe(200);
  expect(logged()).toMatchObject([{ msg: "connection refused", connections_max: 2 }]);
});
