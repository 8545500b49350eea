import { on } from "node:events";
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { createFeedServer, type FeedServer, type FeedServerOptions } from "./feed-server.ts";

const SUBSCRIBE = {
  messageType: "subscribe",
  topic: "balances",
  useMultiChainAssetFormat: true,
  body: {},
  key: "key",
  passphrase: "phrase",
  timestamp: "1649258173",
  signature: "c2lnbmF0dXJl",
};

const PING = JSON.stringify({ messageType: "ping" });
const UPDATE = '{"messageType":"balance-updated","body":{ "asset" : "USDC.ETH","balance":"1.5" }}';

const running: { servers: FeedServer[]; clients: WebSocket[] } = { servers: [], clients: [] };

afterEach(async () => {
  for (const client of running.clients.splice(0)) client.terminate();
  await Promise.all(running.servers.splice(0).map((server) => server.stop()));
});

async function startServer(options: FeedServerOptions = {}): Promise<FeedServer> {
  const server = await createFeedServer({ waitMsMax: 2_000, ...options });
  running.servers.push(server);
  return server;
}

/** A client that keeps every frame; `take` waits for the next one not yet taken. */
async function connect(server: FeedServer) {
  const socket = new WebSocket(server.url);
  running.clients.push(socket);
  const frames = on(socket, "message");
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("open", resolve));
  return {
    socket,
    send: (message: object) => socket.send(JSON.stringify(message)),
    take: async () => String((await frames.next()).value?.[0]),
  };
}

describe("feed server", () => {
  test("answers a subscription with every update from then on", async () => {
    const server = await startServer();
    const client = await connect(server);
    expect(server.push(UPDATE)).toBe(0);
    client.send(SUBSCRIBE);
    expect(await server.waitForSubscription()).toMatchObject({ connection: "1", multiChain: true });
    expect(server.push(UPDATE)).toBe(1);
    expect(await client.take()).toBe(UPDATE);
    expect(server.connections()).toEqual(["1"]);
  });

  test("asset codes lose their chains unless multi-chain codes are asked for", async () => {
    const server = await startServer();
    const client = await connect(server);
    client.send({ ...SUBSCRIBE, useMultiChainAssetFormat: undefined });
    await server.waitForSubscription();
    server.push(UPDATE);
    expect(await client.take()).toBe(UPDATE.replace("USDC.ETH", "USDC"));
  });

  test.each([
    ["a timestamp that is a number", { ...SUBSCRIBE, timestamp: 1649258173 }],
    ["no signature", { ...SUBSCRIBE, signature: undefined }],
    ["no body", { ...SUBSCRIBE, body: undefined }],
    ["another topic", { ...SUBSCRIBE, topic: "prices" }],
  ])("refuses %s", async (_, message) => {
    const server = await startServer();
    const client = await connect(server);
    client.send(message);
    expect(await server.waitForClose("1")).toBe(1008);
  });

  test("answers pings", async () => {
    const server = await startServer();
    const client = await connect(server);
    client.socket.send(PING);
    expect(await client.take()).toBe('{"messageType":"pong"}');
  });

  test("closes a connection that has ceased to ping, not one that pings", async () => {
    const server = await startServer({ idleCloseMs: 150 });
    const silent = await connect(server);
    const pinging = await connect(server);
    const timer = setInterval(() => pinging.socket.send(PING), 20);
    silent.send(SUBSCRIBE);
    expect(await server.waitForClose("1")).toBe(1000);
    clearInterval(timer);
    expect(server.connections()).toEqual(["2"]);
    await server.waitForClose("2");
  });

  test("knows which subscription is the next one", async () => {
    const server = await startServer();
    const first = await connect(server);
    first.send(SUBSCRIBE);
    await server.waitForSubscription(1);
    first.socket.terminate();
    expect(await server.waitForClose("1")).toBe(1006);
    const second = await connect(server);
    second.send(SUBSCRIBE);
    expect(await server.waitForSubscription(2)).toMatchObject({ connection: "2" });
  });

  test("can close a connection behind what it sent", async () => {
    const server = await startServer();
    const client = await connect(server);
    client.send(SUBSCRIBE);
    await server.waitForSubscription();
    for (let round = 0; round < 20; round += 1) server.push(UPDATE);
    server.close();
    expect(await server.waitForClose("1")).toBe(1001);
    for (let round = 0; round < 20; round += 1) expect(await client.take()).toBe(UPDATE);
  });

  test("a wait that comes to nothing says what it waited for", async () => {
    const server = await startServer({ waitMsMax: 20 });
    await expect(server.waitForSubscription(3)).rejects.toThrow("subscription 3");
  });
});
