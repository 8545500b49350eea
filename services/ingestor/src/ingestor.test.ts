import { once } from "node:events";
import { serviceAddress } from "@counterfoil/http/early-server";
import { createListener } from "@counterfoil/http/listener";
import { createReadiness, type Guard } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import { openConnection, readAnswer, requestHead } from "@counterfoil/http/testing/raw-http";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { afterEach, describe, expect, test } from "@jest/globals";
import { fastify } from "fastify";
import { Registry } from "prom-client";
import {
  createWebhookListener,
  type Ingestor,
  type IngestorDeps,
  startIngestor,
} from "./ingestor.ts";
import { createMetrics } from "./telemetry.ts";
import { configOf } from "./testing/config.ts";
import { PONG, SNAPSHOT, update } from "./testing/feed-frame.ts";
import { summary } from "./testing/feed-harness.ts";
import { startFeedServer } from "./testing/feed-server.ts";
import { captureLog } from "./testing/log.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createRecordingIngest } from "./testing/recording-ingest.ts";
import { BODY, TIMESTAMP_MS, zeroHashHeaders } from "./testing/signed-webhook.ts";
import { registerWebhooks } from "./webhook.ts";

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
  const readiness = createReadiness(async () => {}, clock);
  const deps = { config, ingest, clock, logger, registry, readiness, ...options };
  const ingestor: Ingestor = await startIngestor(deps);
  cleanups.push(ingestor.stop);
  return { ingestor, ingest, clock, registry, logged: text };
}

const WEBHOOK = { method: "POST", headers: zeroHashHeaders(BODY, ["hmac"]), body: BODY } as const;

describe("webhooks", () => {
  test("have their own listener in a separate ingestor", async () => {
    const { ingestor, ingest } = await start({});
    const response = await fetch(`${ingestor.address}/webhooks/zerohash`, WEBHOOK);
    expect(response.status).toBe(200);
    expect(ingest.deliveries()).toHaveLength(1);
    await ingestor.stop();
    await expect(fetch(`${ingestor.address}/healthz`)).rejects.toThrow();
  });

  const shared = { COUNTERFOIL_HTTP_PORT: "0" };

  test("are mounted into the service's instance if they have no address", async () => {
    const config = configOf(shared);
    const [clock, logger] = [createManualClock(TIMESTAMP_MS), captureLog().logger];
    const { app } = createListener({ config, address: serviceAddress(config), clock, logger });
    cleanups.push(() => app.close());
    const { ingestor, ingest } = await start(shared, { app });
    expect(ingestor.address).toBeNull();
    const { method, headers, body } = WEBHOOK;
    const url = "/webhooks/zerohash";
    expect((await app.inject({ method, url, headers, payload: body })).statusCode).toBe(200);
    expect(ingest.deliveries()).toHaveLength(1);
    expect((await app.inject("/healthz")).statusCode).toBe(404);
  });

  test("are not mounted into the service's instance if they have an address", async () => {
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

const PATH = "/webhooks/zerohash";
/** What a listener for webhooks is made of. */
function webhookDeps(environment: Readonly<Record<string, string>>, clock = manualClock()) {
  const ingest = createRecordingIngest();
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const { logger } = captureLog();
  const readiness = createReadiness(async () => {}, clock);
  return { config: configOf(environment), ingest, registry, metrics, logger, clock, readiness };
}

const manualClock = () => createManualClock(TIMESTAMP_MS);

async function startListener(
  environment: Readonly<Record<string, string>> = {},
  clock = manualClock(),
) {
  const deps = webhookDeps(environment, clock);
  const listener = await createWebhookListener(deps);
  cleanups.push(listener.stop);
  return { listener, ingest: deps.ingest, url: await listener.start() };
}

/** One that gives a request no more than 50 ms to arrive. */
async function startImpatientListener() {
  const deps = webhookDeps({ COUNTERFOIL_HTTP_PORT: "0" });
  const address = serviceAddress(deps.config);
  const listener = createListener({
    ...deps,
    address,
    limits: { headersTimeoutMs: 50, requestTimeoutMs: 50 },
  });
  await registerWebhooks(listener.app, deps);
  cleanups.push(listener.stop);
  return { ingest: deps.ingest, url: await listener.start() };
}

const post = (url: string, body = BODY) =>
  fetch(`${url}${PATH}`, { method: "POST", headers: zeroHashHeaders(body), body });

describe("a separate listener serves", () => {
  test("webhooks, health and metrics, nothing else", async () => {
    const { url } = await startListener();
    expect((await post(url)).status).toBe(200);
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ready" });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain("counterfoil_deliveries_total");
    for (const path of ["/", "/v1/balances", "/webhooks", "/webhooks/other"]) {
      const response = await fetch(`${url}${path}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: "not_found" });
    }
  });

  test("is not ready while the stream cannot be read, and says so", async () => {
    const readiness = createReadiness(async () => {
      throw new StreamUnavailable("PostgreSQL at a:5432 is down");
    }, manualClock());
    const listener = await createWebhookListener({ ...webhookDeps({}), readiness });
    cleanups.push(listener.stop);
    const url = await listener.start();
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "stream_unavailable" });
  });

  test("its metrics only if the guard allows it", async () => {
    const guard: Guard = (app) => {
      app.addHook("onRequest", async ({ routeOptions }) => {
        if (routeOptions.config.needs === "metrics") throw new Problem("unauthenticated", "no key");
      });
    };
    const { app } = await createWebhookListener({ ...webhookDeps({}), guard });
    expect((await app.inject("/metrics")).statusCode).toBe(401);
    expect((await app.inject("/healthz")).statusCode).toBe(200);
  });

  test("a broken body for an unknown path is not a server error", async () => {
    const { url } = await startListener();
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/nothing`, { method: "POST", headers, body: "{" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "malformed_request" });
  });
});

describe("requests that never become a webhook", () => {
  test("a header value of 100 KB: 431", async () => {
    const { url, ingest } = await startListener();
    const socket = openConnection(url);
    socket.end(requestHead(PATH, { "x-zh-hook-signature": "a".repeat(100_000) }));
    const answer = await readAnswer(socket);
    expect(answer.status).toBe(431);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "headers_too_large", status: 431 });
    expect(answer.head).toContain("application/problem+json");
    expect(ingest.attempted.all()).toEqual([]);
  });

  test("bytes that are not HTTP: 400", async () => {
    const { url } = await startListener();
    const socket = openConnection(url);
    socket.end("hello\r\n\r\n");
    const answer = await readAnswer(socket);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "malformed_request" });
  });

  test("an address that cannot be decoded: 400", async () => {
    const { url } = await startListener();
    const socket = openConnection(url);
    socket.end("GET /webhooks/%E0%A4%A HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    const answer = await readAnswer(socket);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({
      code: "malformed_request",
      detail: expect.stringContaining('found "%E0%A4", expected'),
    });
  });

  test.each([
    [
      "body",
      requestHead(PATH, { ...zeroHashHeaders(), "content-length": "35" }) + BODY.slice(0, 9),
    ],
    ["headers", `POST ${PATH} HTTP/1.1\r\nhost: a\r\nx-`],
  ])("a %s that comes too slowly: 408", async (_, start) => {
    const { url, ingest } = await startImpatientListener();
    const socket = openConnection(url);
    socket.write(start);
    const answer = await readAnswer(socket);
    expect(answer.status).toBe(408);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "request_timeout" });
    expect(ingest.attempted.all()).toEqual([]);
  });

  test("a body that is cut: nothing is stored", async () => {
    const { url, ingest, listener } = await startListener();
    const socket = openConnection(url);
    const [serverSide] = await once(listener.app.server, "connection");
    const requested = once(listener.app.server, "request");
    socket.write(requestHead(PATH, { ...zeroHashHeaders(), "content-length": "35" }));
    socket.write(BODY.slice(0, 20));
    await requested;
    const closed = once(serverSide, "close");
    socket.destroy();
    await closed;
    expect((await post(url)).status).toBe(200);
    expect(ingest.attempted.all()).toHaveLength(1);
  });

  test("a chunked body without an end: nothing is stored", async () => {
    const { url, ingest, listener } = await startListener();
    const socket = openConnection(url);
    const [serverSide] = await once(listener.app.server, "connection");
    const requested = once(listener.app.server, "request");
    const headers = { ...zeroHashHeaders(), "transfer-encoding": "chunked" };
    socket.write(`${requestHead(PATH, headers)}23\r\n${BODY}\r\n`);
    await requested;
    const closed = once(serverSide, "close");
    socket.end();
    socket.resume();
    await closed;
    expect(ingest.attempted.all()).toEqual([]);
  });

  test.each(["content-length", "transfer-encoding"])(
    "a body of many megabytes, told by %s: 413 arrives",
    async (header) => {
      const { url, ingest } = await startListener();
      const body = Buffer.alloc(8 * 1024 * 1024, 0x20);
      const isChunked = header === "transfer-encoding";
      const chunk = isChunked ? `${body.length.toString(16)}\r\n` : "";
      const end = isChunked ? "\r\n0\r\n\r\n" : "";
      const head = requestHead(PATH, { [header]: isChunked ? "chunked" : String(body.length) });
      const socket = openConnection(url);
      const answered = readAnswer(socket);
      socket.write(Buffer.concat([Buffer.from(head + chunk), body, Buffer.from(end)]));
      const answer = await answered;
      expect(answer.status).toBe(413);
      expect(JSON.parse(answer.body)).toMatchObject({ code: "payload_too_large" });
      expect(ingest.attempted.all()).toEqual([]);
    },
  );
});

describe("stopping a separate listener", () => {
  test("finishes pending requests and closes the idle connection", async () => {
    const { url, ingest, listener } = await startListener();
    const release = ingest.hold();
    const answered = post(url);
    await ingest.attempted.when((calls) => calls.length === 1);
    const stopped = listener.stop();
    release();
    expect((await answered).status).toBe(200);
    await stopped;
    await expect(post(url)).rejects.toThrow();
  });

  test("cuts off a request that stalls", async () => {
    const clock = manualClock();
    const { url, ingest, listener } = await startListener({}, clock);
    const socket = openConnection(url);
    const requested = once(listener.app.server, "request");
    socket.write(requestHead(PATH, { ...zeroHashHeaders(), "content-length": "35" }));
    await requested;
    const stopped = listener.stop();
    const closed = once(socket.resume(), "close");
    await clock.whenSlept(1);
    await clock.advance(5_000);
    await Promise.all([stopped, closed]);
    expect(ingest.attempted.all()).toEqual([]);
  });
});

describe("starting a separate listener", () => {
  test("a taken port is reported with address and variable", async () => {
    const { url } = await startListener();
    const { port } = new URL(url);
    const started = startListener({ COUNTERFOIL_WEBHOOK_PORT: port });
    await expect(started).rejects.toMatchObject({
      code: "port_in_use",
      message: expect.stringContaining(`127.0.0.1:${port} is taken`),
    });
    await expect(started).rejects.toThrow("COUNTERFOIL_WEBHOOK_PORT");
  });

  test("an address that is not this computer's names the variable", async () => {
    const started = startListener({ COUNTERFOIL_WEBHOOK_HOST: "192.0.2.1" });
    await expect(started).rejects.toMatchObject({ code: "configuration_invalid" });
    await expect(started).rejects.toThrow("COUNTERFOIL_WEBHOOK_HOST");
  });

  test.each(["0.0.0.0", "::", "192.168.1.5", "example.com", "127.0.0.1.example.com", "::2"])(
    "unsigned webhooks are not taken on %s",
    async (host) => {
      const started = startListener({
        COUNTERFOIL_ALLOW_UNSIGNED: "true",
        COUNTERFOIL_WEBHOOK_HOST: host,
      });
      await expect(started).rejects.toMatchObject({ code: "configuration_invalid" });
      await expect(started).rejects.toThrow("COUNTERFOIL_ALLOW_UNSIGNED");
    },
  );

  test.each(["127.0.0.1", "127.1.2.3", "localhost"])("but on %s", async (host) => {
    const { url } = await startListener({
      COUNTERFOIL_ALLOW_UNSIGNED: "true",
      COUNTERFOIL_WEBHOOK_HOST: host,
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: "",
    });
    expect((await fetch(`${url}${PATH}`, { method: "POST", body: BODY })).status).toBe(200);
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
    // Two ping intervals, the silence after a snapshot, and the backoff before the next connection.
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
