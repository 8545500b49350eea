import { once } from "node:events";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { createWebhookListener, type ListenerDeps, type WebhookListener } from "./listener.ts";
import { createMetrics } from "./metrics.ts";
import { configOf } from "./testing/config.ts";
import { captureLog } from "./testing/log.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { openConnection, readAnswer, requestHead } from "./testing/raw-http.ts";
import { createRecordingIngest } from "./testing/recording-ingest.ts";
import { BODY, TIMESTAMP_MS, zeroHashHeaders } from "./testing/signed-webhook.ts";

const PATH = "/webhooks/zerohash";
const running: WebhookListener[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((listener) => listener.stop()));
});

async function startListener(
  environment: Readonly<Record<string, string>> = {},
  options: Partial<ListenerDeps> = {},
) {
  const ingest = createRecordingIngest();
  const registry = new Registry();
  const listener = await createWebhookListener(configOf(environment), {
    ingest,
    registry,
    clock: createManualClock(TIMESTAMP_MS),
    logger: captureLog().logger,
    metrics: createMetrics(registry),
    ...options,
  });
  running.push(listener);
  return { listener, ingest, url: await listener.start() };
}

const post = (url: string, body = BODY) =>
  fetch(`${url}${PATH}`, { method: "POST", headers: zeroHashHeaders(body), body });

describe("what it serves", () => {
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

  test("is not ready while it is told so", async () => {
    const { url } = await startListener({}, { isReady: () => false });
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "stream_unavailable" });
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

  test("what is no HTTP: 400", async () => {
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
    expect(JSON.parse(answer.body)).toMatchObject({ code: "malformed_request" });
  });

  test.each([
    [
      "body",
      requestHead(PATH, { ...zeroHashHeaders(), "content-length": "35" }) + BODY.slice(0, 9),
    ],
    ["headers", `POST ${PATH} HTTP/1.1\r\nhost: a\r\nx-`],
  ])("a %s that comes too slowly: 408", async (_, start) => {
    const { url, ingest } = await startListener({}, { requestTimeoutMs: 50 });
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

describe("stopping", () => {
  test("finishes what is under way and lets the kept connection go", async () => {
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
    const clock = createManualClock(TIMESTAMP_MS);
    const { url, ingest, listener } = await startListener({}, { clock });
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

describe("starting", () => {
  test("a taken port is told with address and variable", async () => {
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
