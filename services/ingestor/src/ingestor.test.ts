import { afterEach, describe, expect, test } from "@jest/globals";
import { fastify } from "fastify";
import { Registry } from "prom-client";
import { type Ingestor, type IngestorDeps, startIngestor } from "./ingestor.ts";
import { serverOptions } from "./server-option.ts";
import { configOf } from "./testing/config.ts";
import { PONG, SNAPSHOT, update } from "./testing/feed-frame.ts";
import { summary } from "./testing/feed-harness.ts";
import { startFeedServer } from "./testing/feed-server.ts";
import { captureLog } from "./testing/log.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createRecordingIngest } from "./testing/recording-ingest.ts";
import { BODY, TIMESTAMP_MS, zeroHashHeaders } from "./testing/signed-webhook.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(
  environment: Readonly<Record<string, string>>,
  options: Partial<IngestorDeps> = {},
) {
  const config = configOf(environment);
  const ingest = createRecordingIngest();
  const clock = createManualClock(TIMESTAMP_MS);
  const { logger, text } = captureLog();
  const registry = new Registry();
  const deps = { config, ingest, clock, logger, registry, ...options };
  const ingestor: Ingestor = await startIngestor(deps);
  cleanups.push(ingestor.stop);
  return { ingestor, ingest, clock, registry, logged: text };
}

const WEBHOOK = { method: "POST", headers: zeroHashHeaders(BODY, ["hmac"]), body: BODY } as const;

describe("webhooks", () => {
  test("have a listener of their own in an ingestor of its own", async () => {
    const { ingestor, ingest } = await start({});
    const response = await fetch(`${ingestor.address}/webhooks/zerohash`, WEBHOOK);
    expect(response.status).toBe(200);
    expect(ingest.deliveries()).toHaveLength(1);
    await ingestor.stop();
    await expect(fetch(`${ingestor.address}/healthz`)).rejects.toThrow();
  });

  const shared = { COUNTERFOIL_HTTP_PORT: "0" };

  test("are mounted into the service's instance where they have no address", async () => {
    const app = fastify(serverOptions(configOf()));
    cleanups.push(() => app.close());
    const { ingestor, ingest } = await start(shared, { app });
    expect(ingestor.address).toBeNull();
    const { method, headers, body } = WEBHOOK;
    const url = "/webhooks/zerohash";
    expect((await app.inject({ method, url, headers, payload: body })).statusCode).toBe(200);
    expect(ingest.deliveries()).toHaveLength(1);
    expect((await app.inject("/healthz")).statusCode).toBe(404);
  });

  test("stay out of the service's instance where they have an address", async () => {
    const app = fastify();
    cleanups.push(() => app.close());
    const { ingestor } = await start({ COUNTERFOIL_HTTP_PORT: "8080" }, { app });
    expect((await fetch(`${ingestor.address}/webhooks/zerohash`, WEBHOOK)).status).toBe(200);
    expect((await app.inject({ method: "POST", url: "/webhooks/zerohash" })).statusCode).toBe(404);
  });

  test("a shared address beyond loopback is refused for unsigned ones as well", async () => {
    const environment = { ...shared, COUNTERFOIL_ALLOW_UNSIGNED: "true" };
    const beyond = { COUNTERFOIL_HTTP_HOST: "0.0.0.0", COUNTERFOIL_WEBHOOK_HOST: "0.0.0.0" };
    const started = start({ ...environment, ...beyond }, { app: fastify() });
    await expect(started).rejects.toMatchObject({ code: "configuration_invalid" });
  });

  test("a taken port leaves nothing running", async () => {
    const first = await start({});
    const { port } = new URL(first.ingestor.address ?? "");
    const second = start({ COUNTERFOIL_WEBHOOK_PORT: port });
    await expect(second).rejects.toMatchObject({ code: "port_in_use" });
  });
});

describe("the feed", () => {
  const SECRETS = { key: "feed key", passphrase: "feed passphrase", secret: "c2VjcmV0c2VjcmV0" };

  const feedOf = (url: string) => ({
    COUNTERFOIL_ZEROHASH_FEED_URL: url,
    COUNTERFOIL_ZEROHASH_FEED_KEY: SECRETS.key,
    COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: SECRETS.passphrase,
    COUNTERFOIL_ZEROHASH_FEED_SECRET: SECRETS.secret,
    COUNTERFOIL_MAX_FRAME_BYTES: "1000",
  });

  async function startWithFeed() {
    const server = await startFeedServer();
    cleanups.push(server.stop);
    const started = await start(feedOf(server.url));
    const served = async (nth: number) => {
      const all = await server.connections.when((items) => items.length >= nth);
      const connection = all[nth - 1];
      if (connection === undefined) throw new Error("not connected");
      await connection.received.when((messages) => messages.length > 0);
      return connection;
    };
    return { ...started, served };
  }

  test("is followed over a real socket: subscribe, ping, cut, again, too large, stop", async () => {
    const { ingestor, ingest, clock, served, logged } = await startWithFeed();
    const first = await served(1);
    expect(first.received.all()[0]).toMatchObject({ messageType: "subscribe", body: {} });
    await clock.advance(10_000);
    await first.received.when((messages) => messages.some((m) => m.messageType === "ping"));
    for (const frame of [PONG, SNAPSHOT, update(1)]) first.socket.send(JSON.stringify(frame));
    await ingest.recorded.when((calls) => calls.length === 3);
    first.socket.terminate();
    await ingest.recorded.when((calls) => calls.length === 4);
    // Two pauses between pings, that behind a snapshot, and the one before the next connection.
    await clock.whenSlept(4);
    await clock.advance(500);
    const second = await served(2);
    second.socket.send(JSON.stringify(SNAPSHOT));
    second.socket.send("x".repeat(1001));
    await ingest.recorded.when((calls) => calls.length === 7);
    expect(summary(ingest.recorded.all())).toEqual([
      ...["opened", "frame 2", "frame 3", "closed network"],
      ...["opened", "frame 1", "closed frame_too_large"],
    ]);
    const [opening, , , closing, again] = ingest.recorded.all();
    const connection = opening?.kind === "opened" ? opening.opening.connection : "";
    expect(closing).toMatchObject({ closing: { connection } });
    expect(again).toMatchObject({ opening: { continues: connection } });
    await ingestor.stop();
    for (const secret of Object.values(SECRETS)) expect(logged()).not.toContain(secret);
    expect(logged()).not.toContain("account-of-BTC");
  });

  test("its end is recorded when the ingestor stops", async () => {
    const { ingestor, ingest, served } = await startWithFeed();
    const { socket } = await served(1);
    const code = new Promise((resolve) => socket.once("close", resolve));
    await ingestor.stop();
    expect(await code).toBe(1000);
    expect(summary(ingest.recorded.all())).toEqual(["opened", "closed stopped"]);
  });

  test("configured by half, nothing starts and the variable is named", async () => {
    const { COUNTERFOIL_ZEROHASH_FEED_KEY: _, ...half } = feedOf("wss://ws.example.com");
    await expect(start(half)).rejects.toMatchObject({ code: "configuration_invalid" });
    await expect(start(half)).rejects.toThrow("COUNTERFOIL_ZEROHASH_FEED_KEY");
  });
});
