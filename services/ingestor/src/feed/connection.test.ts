import { createHmac } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import { SECOND } from "@counterfoil/core/exact/time";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { configOf } from "../testing/config.ts";
import { ANSWER, PONG, REFUSAL, SNAPSHOT, update } from "../testing/feed-frame.ts";
import { type FeedServer, startFeedServer } from "../testing/feed-server.ts";
import { createWatchedList } from "../testing/watched-list.ts";
import {
  classifyFrame,
  connectSocket,
  createSigner,
  feedConfigOf,
  type SocketEnd,
} from "./connection.ts";

const WHOLE = {
  COUNTERFOIL_ZEROHASH_FEED_URL: "wss://ws.example.com",
  COUNTERFOIL_ZEROHASH_FEED_KEY: "key",
  COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "passphrase",
  COUNTERFOIL_ZEROHASH_FEED_SECRET: "c2VjcmV0",
};

const feedOf = (environment: Readonly<Record<string, string>>) => () =>
  feedConfigOf(configOf(environment));

describe("the feed's configuration", () => {
  test("none of it: no feed", () => {
    expect(feedOf({})()).toBeNull();
  });

  test("all of it", () => {
    expect(feedOf(WHOLE)()).toEqual({
      url: "wss://ws.example.com",
      key: "key",
      passphrase: "passphrase",
      secret: Buffer.from("secret"),
      signedText: "{timestamp}{method}{route}{body}",
      frameBytesMax: 67_108_864,
    });
  });

  test.each(Object.keys(WHOLE))("without %s it refuses and names it", (variable) => {
    const half = Object.fromEntries(Object.entries(WHOLE).filter(([name]) => name !== variable));
    const missing = `missing: ${variable}`;
    expect(feedOf(half)).toThrow(expect.objectContaining({ code: "configuration_invalid" }));
    expect(feedOf(half)).toThrow(new RegExp(`${missing}$`));
  });

  test("all that is missing is named", () => {
    const [url, ...others] = Object.keys(WHOLE);
    expect(feedOf({ [url as string]: "wss://a" })).toThrow(`missing: ${others.join(", ")}`);
  });

  test.each([
    ["COUNTERFOIL_ZEROHASH_FEED_SECRET", "not base64!", "expected base64"],
    ["COUNTERFOIL_ZEROHASH_FEED_URL", "wss://", "expected a URL"],
    ["COUNTERFOIL_ZEROHASH_FEED_URL", "wss://a:99999", "expected a URL"],
    ["COUNTERFOIL_ZEROHASH_FEED_URL", "wss://a/#fragment", "expected a URL without a fragment"],
    ["COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT", "{timestamp}{path}", "{path} is none of"],
  ])("%s cannot be %s", (variable, value, why) => {
    const told = new RegExp(`${variable}: ${why}$`);
    expect(feedOf({ ...WHOLE, [variable]: value })).toThrow(why.startsWith("{") ? why : told);
  });
});

const FEED = {
  url: "wss://ws.example.com/private/feed?x=1",
  key: "the key",
  passphrase: "the passphrase",
  secret: Buffer.from("c2VjcmV0", "base64"),
  signedText: "{timestamp}{method}{route}{body}",
};

const NOW = 1_649_258_173n * SECOND + 999_999_999n;

const hmac = (text: string) => createHmac("sha256", "secret").update(text).digest("base64");

describe("feed messages", () => {
  test("a subscription carries the flag, the credentials and whole seconds as text", () => {
    expect(JSON.parse(createSigner(FEED)("subscribe", NOW))).toEqual({
      messageType: "subscribe",
      topic: "balances",
      useMultiChainAssetFormat: true,
      body: {},
      key: "the key",
      passphrase: "the passphrase",
      timestamp: "1649258173",
      signature: hmac("1649258173GET/private/feed{}"),
    });
  });

  test("a ping is signed as well", () => {
    expect(JSON.parse(createSigner(FEED)("ping", NOW))).toEqual({
      messageType: "ping",
      key: "the key",
      passphrase: "the passphrase",
      timestamp: "1649258173",
      signature: hmac("1649258173GET/private/feed{}"),
    });
  });

  test.each([
    ["{body}|{timestamp}|{timestamp}", "{}|1649258173|1649258173"],
    ["fixed", "fixed"],
    ["{timestamp}$&{method}", "1649258173$&GET"],
  ])("the signed text is configurable: %s", (signedText, signed) => {
    const { signature } = JSON.parse(createSigner({ ...FEED, signedText })("ping", NOW));
    expect(signature).toBe(hmac(signed));
  });

  test("a URL without a path has the route /", () => {
    const sign = createSigner({ ...FEED, url: "wss://ws.example.com", signedText: "{route}" });
    expect(JSON.parse(sign("ping", NOW)).signature).toBe(hmac("/"));
  });
});

let server: FeedServer;

beforeEach(async () => {
  server = await startFeedServer();
});

afterEach(() => server.stop());

function dial(url = server.url, frameBytesMax = 1000) {
  const frames = createWatchedList<Uint8Array>();
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<SocketEnd>();
  const socket = connectSocket(
    { url, frameBytesMax },
    { onOpen: opened.resolve, onFrame: frames.add, onEnd: ended.resolve },
  );
  return { socket, frames, opened: opened.promise, ended: ended.promise };
}

async function served(nth = 1) {
  const connection = (await server.connections.when((all) => all.length === nth))[nth - 1];
  if (connection === undefined) throw new Error("nobody connected");
  return connection;
}

describe("the socket over ws", () => {
  test("sends, and receives text and binary frames as bytes", async () => {
    const { socket, frames, opened } = dial();
    await opened;
    socket.send('{"a":1}');
    const { socket: other, received } = await served();
    expect(await received.when((all) => all.length === 1)).toEqual([{ a: 1 }]);
    other.send("text");
    other.send(Buffer.of(0xff));
    other.send(Buffer.of(0xff), { binary: false });
    await frames.when((all) => all.length === 3);
    expect(frames.all().map((bytes) => Buffer.from(bytes).toString("latin1"))).toEqual([
      ...["text", "\xff", "\xff"],
    ]);
    socket.terminate();
  });

  test("counts the bytes of a frame that has not arrived whole", async () => {
    const { socket, frames, opened } = dial(server.url, 10_000);
    await opened;
    const { tcp } = await served();
    const before = socket.bytesRead();
    // A text frame of 4,096 bytes, of which the first half comes.
    tcp.write(Buffer.concat([Buffer.of(0x81, 126, 0x10, 0x00), Buffer.alloc(2_048, "x")]));
    while (socket.bytesRead() < before + 2_052) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(frames.all()).toEqual([]);
    tcp.write(Buffer.alloc(2_048, "x"));
    await frames.when((all) => all.length === 1);
    expect(frames.all()[0]).toHaveLength(4_096);
    socket.terminate();
  });

  test("tells code and reason of a close", async () => {
    const { opened, ended } = dial();
    await opened;
    (await served()).socket.close(4001, "enough");
    expect(await ended).toEqual({ kind: "closed", code: 4001, reason: "enough" });
  });

  test("tells a cut", async () => {
    const { opened, ended } = dial();
    await opened;
    (await served()).socket.terminate();
    expect(await ended).toMatchObject({ kind: "network" });
  });

  test("tells a frame that is too large", async () => {
    const { frames, opened, ended } = dial();
    await opened;
    const { socket } = await served();
    socket.send("x".repeat(1000));
    socket.send("x".repeat(1001));
    expect(await ended).toEqual({ kind: "frame_too_large" });
    expect(frames.all()).toHaveLength(1);
  });

  test("a limit beyond 32 bits is not none", async () => {
    const { socket, frames, opened } = dial(server.url, 10 ** 11);
    await opened;
    (await served()).socket.send("x");
    await frames.when((all) => all.length === 1);
    socket.close();
  });

  test("receives a frame in more parts than `ws` takes by default", async () => {
    const { socket, frames, opened } = dial(server.url, 10_000_000);
    await opened;
    const { socket: other, tcp } = await served();
    other.send("x".repeat(256), { fin: false });
    const part = Buffer.concat([Buffer.of(0x00, 126, 0x01, 0x00), Buffer.alloc(256, "x")]);
    tcp.write(Buffer.concat(new Array<Buffer>(20_000).fill(part)));
    other.send("end");
    await frames.when((all) => all.length === 1);
    expect(frames.all()[0]).toHaveLength(20_001 * 256 + 3);
    socket.terminate();
  });

  test("tells a server that breaks the rules of the protocol", async () => {
    const { opened, ended } = dial();
    await opened;
    // A masked frame, which only a client may send.
    (await served()).tcp.write(Buffer.of(0x81, 0x81, 1, 2, 3, 4, 5));
    expect(await ended).toEqual({
      kind: "protocol_error",
      detail: "WS_ERR_UNEXPECTED_MASK, Invalid WebSocket frame: MASK must be clear",
    });
  });

  test("tells a handshake that does not end in time, however lively it is", async () => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
    const accepted = Promise.withResolvers<void>();
    const dripping = createServer((connection) => {
      connection.on("error", () => {});
      connection.write("HTTP/1.1 101 Switching Protocols\r\n");
      accepted.resolve();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => dripping.once("listening", resolve));
    try {
      const { ended } = dial(`ws://127.0.0.1:${(dripping.address() as AddressInfo).port}`);
      await accepted.promise;
      jest.advanceTimersByTime(10_000);
      expect(await ended).toEqual({ kind: "network", detail: "no WebSocket within 10 s" });
    } finally {
      jest.useRealTimers();
      dripping.close();
    }
  });

  test("closes with a handshake", async () => {
    const { socket, opened, ended } = dial();
    await opened;
    const { socket: other } = await served();
    const code = new Promise((resolve) => other.once("close", resolve));
    socket.close();
    expect(await code).toBe(1000);
    expect(await ended).toEqual({ kind: "closed", code: 1000, reason: "" });
  });

  test("a server that is not there ends it without an opening", async () => {
    await server.stop();
    const { opened, ended } = dial();
    expect(await Promise.race([opened, ended])).toEqual({
      kind: "network",
      detail: "ECONNREFUSED",
    });
    server = await startFeedServer();
  });

  test.each(["close", "terminate"] as const)("%s while dialling", async (how) => {
    const { socket, ended } = dial();
    socket[how]();
    expect(await ended).toMatchObject({ kind: "network" });
  });

  test("paused, nothing arrives; resumed, everything does", async () => {
    const { socket, frames, opened } = dial(server.url, 10 ** 7);
    await opened;
    const { socket: other } = await served();
    socket.pause();
    const sent = Array.from({ length: 50 }, (_, nth) => String(nth).padEnd(100_000));
    for (const text of sent) other.send(text);
    // By the time another connection has heard something, this one could have as well.
    const witness = dial();
    await witness.opened;
    (await served(2)).socket.send("x");
    await witness.frames.when((all) => all.length === 1);
    witness.socket.terminate();
    expect(frames.all()).toEqual([]);
    socket.resume();
    await frames.when((all) => all.length === sent.length);
    expect(frames.all().map((bytes) => Buffer.from(bytes).toString())).toEqual(sent);
    socket.terminate();
  });
});

const bytesOf = (frame: unknown) => Buffer.from(JSON.stringify(frame));

describe("the class of a frame", () => {
  test.each([
    [PONG, "pong", false],
    [ANSWER, "answer", false],
    [SNAPSHOT, "snapshot", true],
    [update(1), "other", true],
    [{ message_type: "balance-updated" }, "other", true],
    [REFUSAL, "other", false],
    [null, "other", false],
  ])("%j", (frame, kind, isBalance) => {
    expect(classifyFrame(bytesOf(frame))).toEqual({ kind, isBalance });
  });

  test("a large snapshot is known by its beginning, or by its end", () => {
    const body = Array(50_000).fill({ asset: "BTC", balance: "1" });
    const type = { messageType: "initial-balance" };
    const snapshot = { kind: "snapshot", isBalance: true };
    expect(classifyFrame(bytesOf({ ...type, body }))).toEqual(snapshot);
    expect(classifyFrame(bytesOf({ body, ...type }))).toEqual(snapshot);
    expect(classifyFrame(bytesOf({ body }))).toEqual({ kind: "other", isBalance: false });
  });

  test("a snapshot with an error in it is still one of balances", () => {
    const broken = JSON.stringify(SNAPSHOT).slice(0, -1);
    expect(classifyFrame(Buffer.from(broken))).toEqual({ kind: "other", isBalance: true });
  });

  test("bytes that are not text are of kind other", () => {
    expect(classifyFrame(Uint8Array.of(0xff, 0x00))).toEqual({ kind: "other", isBalance: false });
  });
});
