import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  createWebhookSender,
  LAYER1_RETRIES,
  NO_RETRIES,
  type WebhookSender,
  ZEROHASH_RETRIES,
} from "./play/play-deliveries.ts";

type Received = { body: Buffer; headers: Record<string, unknown>; port: number };

const running: { server?: Server; sender?: WebhookSender } = {};

afterEach(async () => {
  running.sender?.close();
  running.server?.closeAllConnections();
  await new Promise((resolve) => running.server?.close(resolve) ?? resolve(undefined));
});

/** Answers with the given statuses in turn, the last one for ever; "hang" never answers. */
async function startReceiver(statuses: readonly (number | "hang")[]) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const status = statuses[Math.min(received.length, statuses.length - 1)] ?? 200;
    const port = request.socket.remotePort ?? 0;
    received.push({ body: Buffer.concat(chunks), headers: request.headers, port });
    if (status !== "hang") response.writeHead(status).end('{"ok":true}');
  });
  running.server = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks` };
}

function startSender(options: Parameters<typeof createWebhookSender>[0] = {}): WebhookSender {
  running.sender = createWebhookSender({ delayScale: 0.001, ...options });
  return running.sender;
}

const headersOf = () => ({ "x-signature": "abc" });
const statusesOf = (outcome: { attempts: readonly { status: number | null }[] }) =>
  outcome.attempts.map((attempt) => attempt.status);

describe("webhook sender", () => {
  test("posts the exact bytes with the headers, over one kept connection", async () => {
    const { received, url } = await startReceiver([200]);
    const sender = startSender({ connectionsMax: 1 });
    const body = Uint8Array.from([0x7b, 0xff, 0x00, 0x7d]);
    for (let round = 0; round < 3; round += 1) {
      const outcome = await sender.send({ url, body, headersOf }, NO_RETRIES);
      expect(outcome).toMatchObject({ received: true, attempts: [{ status: 200, error: null }] });
    }
    expect(received.map((each) => [...each.body])).toEqual([[...body], [...body], [...body]]);
    expect(received[0]?.headers).toMatchObject({ "x-signature": "abc", "content-length": "4" });
    expect(new Set(received.map((each) => each.port)).size).toBe(1);
  });

  test("Zero Hash: 4 fast and 3 slower retries, then dropped", async () => {
    const { received, url } = await startReceiver([503]);
    const outcome = await startSender().send({ url, body: "{}", headersOf }, ZEROHASH_RETRIES);
    expect(outcome.received).toBe(false);
    expect(statusesOf(outcome)).toEqual(Array.from({ length: 8 }, () => 503));
    expect(received).toHaveLength(8);
  });

  test("stops at the first attempt that was received, signing each one afresh", async () => {
    const { received, url } = await startReceiver([500, 503, 204]);
    const attempts: number[] = [];
    const outcome = await startSender().send(
      {
        url,
        body: "{}",
        headersOf: (attempt) => {
          attempts.push(attempt);
          return { "x-attempt": String(attempt) };
        },
      },
      ZEROHASH_RETRIES,
    );
    expect(outcome.received).toBe(true);
    expect(statusesOf(outcome)).toEqual([500, 503, 204]);
    expect(attempts).toEqual([1, 2, 3]);
    expect(received.map((each) => each.headers["x-attempt"])).toEqual(["1", "2", "3"]);
  });

  test("Layer1 takes nothing but 200 for an answer", async () => {
    const { url } = await startReceiver([204, 200]);
    const outcome = await startSender().send({ url, body: "{}", headersOf }, LAYER1_RETRIES);
    expect(statusesOf(outcome)).toEqual([204, 200]);
  });

  test("Layer1: 100 attempts, no pause above 15 minutes, none shorter than the one before", () => {
    const { delaysMs } = LAYER1_RETRIES;
    expect(delaysMs).toHaveLength(99);
    expect(Math.max(...delaysMs)).toBe(900_000);
    expect(delaysMs).toEqual(delaysMs.toSorted((a, b) => a - b));
  });

  test("silence and a closed port are attempts without a status", async () => {
    const { url } = await startReceiver(["hang"]);
    const sender = startSender({ timeoutMs: 30 });
    const silent = await sender.send({ url, body: "{}", headersOf }, NO_RETRIES);
    expect(silent.received).toBe(false);
    expect(silent.attempts[0]).toMatchObject({ status: null });
    const refused = await sender.send(
      { url: "http://127.0.0.1:1/", body: "", headersOf },
      NO_RETRIES,
    );
    expect(refused.attempts[0]?.error).toContain("ECONNREFUSED");
  });

  test("closing ends the pauses", async () => {
    const { url } = await startReceiver([503]);
    const sender = startSender({ delayScale: 1_000 });
    const sending = sender.send({ url, body: "{}", headersOf }, LAYER1_RETRIES);
    await sender.send({ url, body: "{}", headersOf }, NO_RETRIES);
    sender.close();
    expect((await sending).received).toBe(false);
  });
});
