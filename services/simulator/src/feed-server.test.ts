import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { createEventLog } from "./feed/event-log.ts";
import { createFeedServer, type FeedServer, type FeedServerOptions } from "./feed-server.ts";

const ACCOUNT = {
  account_id: "db5ea9f1-e864-4ec2-93cc-f56a0d9ad665",
  participant_code: "ABC123",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "USDC.ETH",
  balance: ".25",
};

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
  const server = await createFeedServer({
    snapshot: () => [ACCOUNT],
    waitMsMax: 2_000,
    ...options,
  });
  running.servers.push(server);
  return server;
}

/** A client that keeps every frame; `take` waits for the next one not yet taken. */
async function connect(server: FeedServer) {
  const socket = new WebSocket(server.url);
  running.clients.push(socket);
  const frames = createEventLog<string>(2_000);
  let taken = 0;
  socket.on("message", (data) => frames.add(data.toString()));
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("open", resolve));
  return {
    socket,
    send: (message: object) => socket.send(JSON.stringify(message)),
    take: () => {
      taken += 1;
      const nth = taken;
      return frames.when((all) => all[nth - 1], `frame ${nth}`);
    },
  };
}

describe("feed server", () => {
  test("answers a subscription with the present balances, then with every update", async () => {
    const server = await startServer();
    const client = await connect(server);
    expect(server.push(UPDATE)).toBe(0);
    client.send(SUBSCRIBE);
    expect(await server.waitForSubscription()).toMatchObject({ connection: "1", multiChain: true });
    expect(JSON.parse(await client.take())).toEqual({
      messageType: "initial-balance",
      body: [ACCOUNT],
    });
    expect(server.push(UPDATE)).toBe(1);
    expect(await client.take()).toBe(UPDATE);
    expect(server.connections()).toEqual([{ id: "1", isSubscribed: true }]);
  });

  test("asset codes lose their chains unless multi-chain codes are asked for", async () => {
    const server = await startServer();
    const client = await connect(server);
    client.send({ ...SUBSCRIBE, useMultiChainAssetFormat: undefined });
    expect(JSON.parse(await client.take()).body[0].asset).toBe("USDC");
    server.push(UPDATE);
    expect(await client.take()).toBe(UPDATE.replace("USDC.ETH", "USDC"));
  });

  test("may acknowledge first, with a text for a body", async () => {
    const server = await startServer({ acknowledgesSubscribe: true });
    const client = await connect(server);
    client.send(SUBSCRIBE);
    expect(JSON.parse(await client.take())).toEqual({
      messageType: "subscribe",
      body: "successfully subscribed to balances",
    });
    expect(JSON.parse(await client.take()).messageType).toBe("initial-balance");
  });

  test("what is pushed while the snapshot is made comes before it", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const server = await startServer({ snapshot: () => promise });
    const client = await connect(server);
    client.send(SUBSCRIBE);
    await server.waitForSubscription();
    server.push(UPDATE);
    resolve('{"messageType":"initial-balance","body":[]}');
    expect(await client.take()).toBe(UPDATE);
    expect(await client.take()).toContain("initial-balance");
  });

  test("hands the credentials to the hook, and closes where it refuses them", async () => {
    const seen: unknown[] = [];
    const server = await startServer({
      verify: (credentials) => {
        seen.push(credentials);
        return false;
      },
    });
    const client = await connect(server);
    client.send(SUBSCRIBE);
    expect(await server.waitForRefusal()).toBe("credentials refused");
    expect(await server.waitForClose("1")).toBe(1008);
    const { key, passphrase, timestamp, signature } = SUBSCRIBE;
    expect(seen).toEqual([{ key, passphrase, timestamp, signature }]);
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
    await server.waitForRefusal();
    expect(await server.waitForClose("1")).toBe(1008);
  });

  test("answers pings, until told not to", async () => {
    const server = await startServer();
    const client = await connect(server);
    client.send(SUBSCRIBE);
    await client.take();
    client.socket.send(PING);
    expect(await client.take()).toBe('{"messageType":"pong"}');
    server.answerPings(false);
    client.socket.send(PING);
    await server.waitForPings(2, "1");
    server.push(UPDATE);
    expect(await client.take()).toBe(UPDATE);
  });

  test("closes a connection that has ceased to ping, not one that pings", async () => {
    const server = await startServer({ idleCloseMs: 150 });
    const silent = await connect(server);
    const pinging = await connect(server);
    const timer = setInterval(() => pinging.socket.send(PING), 20);
    silent.send(SUBSCRIBE);
    expect(await server.waitForClose("1")).toBe(1000);
    clearInterval(timer);
    expect(server.connections()).toEqual([{ id: "2", isSubscribed: false }]);
    await server.waitForClose("2");
  });

  test("can cut a connection, and hears of the next one", async () => {
    const server = await startServer();
    const first = await connect(server);
    first.send(SUBSCRIBE);
    await server.waitForSubscription(1);
    server.drop("1");
    expect(await server.waitForClose("1")).toBe(1006);
    const second = await connect(server);
    second.send(SUBSCRIBE);
    expect(await server.waitForSubscription(2)).toMatchObject({ connection: "2" });
    expect(server.events().map((event) => event.kind)).toEqual([
      ...["opened", "received", "subscribed", "closed"],
      ...["opened", "received", "subscribed"],
    ]);
  });

  test("can close a connection behind what it sent", async () => {
    const server = await startServer();
    const client = await connect(server);
    client.send(SUBSCRIBE);
    await client.take();
    for (let round = 0; round < 20; round += 1) server.push(UPDATE);
    server.close("1");
    expect(await server.waitForClose("1")).toBe(1001);
    for (let round = 0; round < 20; round += 1) expect(await client.take()).toBe(UPDATE);
  });

  test("sends any text to one connection", async () => {
    const server = await startServer();
    const client = await connect(server);
    server.send("1", "not JSON {");
    expect(await client.take()).toBe("not JSON {");
    server.send("7", "nobody is there");
  });

  test("a wait that comes to nothing says what it waited for", async () => {
    const server = await startServer({ waitMsMax: 20 });
    await expect(server.waitForSubscription(3)).rejects.toThrow("subscription 3");
  });
});
