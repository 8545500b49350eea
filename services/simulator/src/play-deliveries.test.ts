import { createHmac, createPublicKey, verify } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { planDeliveries } from "./delivery/delivery-plan.ts";
import { createFeedServer, type FeedServer } from "./feed-server.ts";
import { generateHistory } from "./history/generate-history.ts";
import {
  type Outgoing,
  type PlayTarget,
  playDeliveries,
  SCENARIO_FEED,
  SCENARIOS,
  scenarioDeliveries,
} from "./play-deliveries.ts";
import { webhookDeliveries } from "./testing/deliveries.ts";
import { createLayer1Keys, createZeroHashKeys, layer1PublicKeyBase64 } from "./webhook-sender.ts";

type Hook = { path: string; body: string; headers: IncomingHttpHeaders };
type Service = { baseUrl: string; hooks: Hook[]; runningMax: () => number };

const running: { servers: Server[]; feeds: FeedServer[]; clients: WebSocket[] } = {
  servers: [],
  feeds: [],
  clients: [],
};

afterEach(async () => {
  for (const client of running.clients.splice(0)) client.terminate();
  await Promise.all(running.feeds.splice(0).map((feed) => feed.stop()));
  for (const server of running.servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A receiver that answers what `statusOf` says; 200 unless told. */
async function startService(statusOf: (hook: Hook) => number = () => 200): Promise<Service> {
  const hooks: Hook[] = [];
  let [atOnce, runningMax] = [0, 0];
  const server = createServer(async (request, response) => {
    atOnce += 1;
    runningMax = Math.max(runningMax, atOnce);
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const hook = { path: request.url ?? "", body, headers: request.headers };
    hooks.push(hook);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
    const status = statusOf(hook);
    const problem = { code: "c", title: `is ${status}`, detail: hook.path };
    response.writeHead(status).end(status < 400 ? "" : JSON.stringify(problem));
  });
  running.servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}`, hooks, runningMax: () => runningMax };
}

/** A feed client as a service has one: it subscribes, and comes back when it is cut off. */
function subscribe(url: string, frames: string[]): void {
  const socket = new WebSocket(url);
  running.clients.push(socket);
  const credentials = { key: "k", passphrase: "p", timestamp: "1649258173", signature: "s" };
  const subscription = { messageType: "subscribe", body: {}, useMultiChainAssetFormat: true };
  socket.on("open", () => socket.send(JSON.stringify({ ...subscription, ...credentials })));
  socket.on("message", (data) => frames.push(data.toString()));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    if (running.clients.includes(socket)) subscribe(url, frames);
  });
}

async function startFeed(): Promise<{ feed: FeedServer; frames: string[] }> {
  const feed = await createFeedServer({ waitMsMax: 5_000 });
  running.feeds.push(feed);
  const frames: string[] = [];
  subscribe(feed.url, frames);
  return { feed, frames };
}

function scenario(name: string): Outgoing[] {
  const found = SCENARIOS.get(name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return scenarioDeliveries(found);
}

describe("playing", () => {
  test("posts signed webhooks to the provider's own path", async () => {
    const service = await startService();
    const target: PlayTarget = {
      baseUrls: [service.baseUrl],
      zeroHashKeys: { secret: "s3cret" },
      layer1Keys: createLayer1Keys(),
    };
    const deliveries = [...scenario("account-balance-webhooks"), ...scenario("layer1-deposit")];
    const result = await playDeliveries(deliveries, target);
    expect(result).toMatchObject({ acknowledged: 11, refused: 0, attempts: 11, frames: 0 });
    expect(result.statuses).toEqual({ "200": 11 });
    const [zeroHash, layer1] = ["/webhooks/zerohash", "/webhooks/layer1"].map((path) =>
      service.hooks.filter((hook) => hook.path === path),
    );
    expect([zeroHash?.length, layer1?.length]).toEqual([4, 7]);
    for (const { body, headers } of zeroHash ?? []) {
      const signed = body + headers["x-zh-hook-timestamp"];
      const expected = createHmac("sha256", "s3cret").update(signed).digest("hex");
      expect(headers["x-zh-hook-signature"]).toBe(expected);
      expect(headers["x-zh-hook-payload-type"]).toBe("account_balance.changed");
    }
    const spki = Buffer.from(
      layer1PublicKeyBase64(target.layer1Keys ?? createLayer1Keys()),
      "base64",
    );
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    for (const { body, headers } of layer1 ?? []) {
      const signature = Buffer.from(String(headers["x-signature"]), "base64");
      expect(verify("sha256", Buffer.from(body), key, signature)).toBe(true);
    }
  });

  test("one at a time keeps the order; several run together, and no more than allowed", async () => {
    const deliveries = [...webhookDeliveries(generateHistory({ seed: 2 }).steps)];
    const bodies = deliveries.map(({ body }) => body);
    const ordered = await startService();
    await playDeliveries(deliveries, { baseUrls: [ordered.baseUrl] }, { concurrency: 1 });
    expect(ordered.hooks.map(({ body }) => body)).toEqual(bodies);
    const parallel = await startService();
    await playDeliveries(deliveries, { baseUrls: [parallel.baseUrl] }, { concurrency: 8 });
    expect(parallel.hooks.map(({ body }) => body).toSorted()).toEqual(bodies.toSorted());
    expect(parallel.runningMax()).toBeGreaterThan(1);
    expect(parallel.runningMax()).toBeLessThanOrEqual(8);
  });

  test("several ingestors take turns, or are left to chance", async () => {
    const deliveries = [...webhookDeliveries(generateHistory({ seed: 2 }).steps)].slice(0, 100);
    for (const routing of ["round-robin", "random"] as const) {
      const services = [await startService(), await startService()];
      const baseUrls = services.map(({ baseUrl }) => baseUrl);
      await playDeliveries(deliveries, { baseUrls }, { routing });
      const counts = services.map(({ hooks }) => hooks.length);
      if (routing === "round-robin") expect(counts).toEqual([50, 50]);
      else expect(Math.min(...counts)).toBeGreaterThan(25);
    }
  });

  test("a refusal is tried again as the provider would, then counted", async () => {
    const deliveries = scenario("account-balance-webhooks");
    const service = await startService(({ body }) => (body.includes("SOL") ? 503 : 200));
    const target = { baseUrls: [service.baseUrl], zeroHashKeys: createZeroHashKeys() };
    const result = await playDeliveries(deliveries, target, { delayScale: 0.001 });
    expect(result).toMatchObject({ acknowledged: 3, refused: 1, attempts: 11 });
    expect(result.statuses).toEqual({ "200": 3, "503": 8 });
    const once = await playDeliveries(deliveries, target, { retries: "none" });
    expect(once).toMatchObject({ acknowledged: 3, refused: 1, attempts: 4 });
  });

  test("for some seconds: a client error ends the play with its problem, and is not tried again", async () => {
    const deliveries = scenario("account-balance-webhooks");
    const service = await startService(({ body }) => (body.includes("SOL") ? 404 : 200));
    const target = { baseUrls: [service.baseUrl], zeroHashKeys: createZeroHashKeys() };
    const bodies = deliveries.flatMap((it) => ("body" in it ? [it.body] : []));
    const before = bodies.findIndex((body) => body.includes("SOL"));
    expect(before).toBeLessThan(bodies.length - 1);
    const options = { concurrency: 1, retries: "seconds" } as const;
    const result = await playDeliveries(deliveries, target, options);
    expect(result).toMatchObject({ acknowledged: before, refused: 1, attempts: before + 1 });
    const problem = { code: "c", title: "is 404", detail: "/webhooks/zerohash" };
    expect(result.refusal).toEqual({ status: 404, ...problem });
  });

  test.each([408, 429, 503])(
    "for some seconds: %i may pass, and is tried again",
    async (status) => {
      let answered = 0;
      const service = await startService(() => {
        answered += 1;
        return answered === 1 ? status : 200;
      });
      const target = { baseUrls: [service.baseUrl], zeroHashKeys: createZeroHashKeys() };
      const options = { concurrency: 1, retries: "seconds", delayScale: 0.001 } as const;
      const result = await playDeliveries(scenario("account-balance-webhooks"), target, options);
      expect(result).toMatchObject({ acknowledged: 4, refused: 0, attempts: 5, refusal: null });
    },
  );

  test("keeps to a rate", async () => {
    const service = await startService();
    const deliveries = [...webhookDeliveries(generateHistory({ seed: 2 }).steps)].slice(0, 40);
    const target = { baseUrls: [service.baseUrl] };
    const { tookMs } = await playDeliveries(deliveries, target, { ratePerSecond: 200 });
    expect(tookMs).toBeGreaterThanOrEqual(190);
  });

  test("a scenario over the feed: subscribe, then every frame in order", async () => {
    const { feed, frames } = await startFeed();
    const feedServers = new Map([[SCENARIO_FEED, feed]]);
    const deliveries = scenario("balances-feed-use-cases");
    const result = await playDeliveries(deliveries, { baseUrls: [], feedServers });
    expect(result.frames).toBe(6);
    await untilLength(frames, 6);
    expect(frames).toEqual(deliveries.flatMap((each) => ("text" in each ? [each.text] : [])));
  });

  test("a plan with dropped connections: the client comes back, nothing changes its order", async () => {
    const { feed, frames } = await startFeed();
    const service = await startService();
    const history = generateHistory({ seed: 5, deposits: 15, withdrawals: 15 });
    const plan = planDeliveries(history, { reconnectRate: 0.04, offlineMs: { min: 1, max: 5 } });
    const opened = plan.filter(({ kind }) => kind === "feed-opened");
    expect(opened.length).toBeGreaterThan(2);
    const feedServers = new Map([["feed-1", feed]]);
    const result = await playDeliveries(plan, { baseUrls: [service.baseUrl], feedServers });
    const texts = plan.flatMap((each) => (each.kind === "feed-frame" ? [each.text] : []));
    expect(result.frames).toBe(texts.length);
    expect(service.hooks).toHaveLength(plan.filter(({ kind }) => kind === "webhook").length);
    await untilLength(frames, texts.length);
    expect(frames).toEqual(texts);
  });

  test("feeds without a server are left out", async () => {
    const deliveries = scenario("balances-feed-generic");
    const result = await playDeliveries(deliveries, { baseUrls: [] });
    expect(result).toMatchObject({ frames: 0, acknowledged: 0 });
  });
});

async function untilLength(list: readonly unknown[], length: number): Promise<void> {
  while (list.length < length) await new Promise((resolve) => setImmediate(resolve));
}
