import { createHmac, createPublicKey, type KeyObject, verify } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  createLayer1Keys,
  createWebhookSender,
  LAYER1_RETRIES,
  layer1Headers,
  layer1PublicKeyBase64,
  NO_RETRIES,
  type WebhookSender,
  ZEROHASH_RETRIES,
  zeroHashHeaders,
} from "./webhook-sender.ts";

describe("Zero Hash signatures", () => {
  const KEYS = { secret: "s3cret" };
  const BODY = '{"asset":"BTC","balance":"0.35"}';
  const TIMESTAMP_MS = 1_746_113_199_139;
  const ENVELOPE = {
    body: BODY,
    payloadType: "account_balance.changed",
    notificationId: "n-1",
    timestampMs: TIMESTAMP_MS,
  };

  const hmacHex = (text: string) => createHmac("sha256", "s3cret").update(text).digest("hex");

  test("name the notification, the type and the time", () => {
    expect(zeroHashHeaders(ENVELOPE, KEYS)).toMatchObject({
      "content-type": "application/json",
      "x-zh-hook-notification-id": "n-1",
      "x-zh-hook-payload-type": "account_balance.changed",
      "x-zh-hook-timestamp": "1746113199139",
    });
  });

  test("HMAC: the new scheme covers body and timestamp, the legacy one the body", () => {
    const headers = zeroHashHeaders(ENVELOPE, KEYS);
    expect(headers["x-zh-hook-signature"]).toBe(hmacHex(`${BODY}${TIMESTAMP_MS}`));
    expect(headers["x-zh-hook-signature-256"]).toBe(hmacHex(BODY));
  });

  test("signs the raw bytes, be they UTF-8 or not", () => {
    const bytes = Uint8Array.from([0x7b, 0xff, 0x7d]);
    const headers = zeroHashHeaders({ ...ENVELOPE, body: bytes }, KEYS);
    const expected = createHmac("sha256", "s3cret").update(bytes).digest("hex");
    expect(headers["x-zh-hook-signature-256"]).toBe(expected);
  });

  test("only the schemes asked for, else those the keys allow", () => {
    const signaturesOf = (headers: Record<string, string>) =>
      Object.keys(headers).filter((name) => name.includes("signature"));
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, KEYS, ["hmac-legacy"]))).toEqual([
      "x-zh-hook-signature-256",
    ]);
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, { secret: "x" }))).toHaveLength(2);
    expect(signaturesOf(zeroHashHeaders(ENVELOPE, {}))).toEqual([]);
  });
});

describe("Layer1 signatures", () => {
  /** Printed on the provider's page about webhooks. */
  const VECTOR = {
    publicKeyBase64:
      "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAExn8LhKa3YnVvGHeyT+siyu9+B5knDRtigP4R08nw7Fp0lbXtwoiAO1N0LOj7k39JY5iM385BJrRV2u5Y4N0Qxg==",
    signatureBase64:
      "MEYCIQCtvKgMTivqsT3S2G3qD46lK0+FD7ECW4dK2MtaivfWvwIhALJly6ZqemabK+gYGNWpZACzj1ApJ6immVuIQ0MxONXV",
    message: "hello world",
  };
  const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
  const KEYS = createLayer1Keys();

  test("the provider's own vector has a high s, so ours must be able to", () => {
    expect(
      isValid(publicKeyOf(VECTOR.publicKeyBase64), VECTOR.message, VECTOR.signatureBase64),
    ).toBe(true);
    expect(sOf(VECTOR.signatureBase64)).toBeGreaterThan(HALF_ORDER);
  });

  test("verify, many times over, with a high s and with a low one", () => {
    const publicKey = publicKeyOf(layer1PublicKeyBase64(KEYS));
    const isHigh = new Set<boolean>();
    for (let round = 0; round < 120; round += 1) {
      const body = `{"event":"layer1:digital:balance:updated","round":${round}}`;
      const signature = layer1Headers(body, KEYS)["x-signature"] ?? "";
      expect(isValid(publicKey, body, signature)).toBe(true);
      expect(isValid(publicKey, `${body} `, signature)).toBe(false);
      isHigh.add(sOf(signature) > HALF_ORDER);
    }
    expect(isHigh).toEqual(new Set([true, false]));
  });

  test("the public key is a secp256k1 key as the provider prints it", () => {
    const text = layer1PublicKeyBase64(KEYS);
    expect(publicKeyOf(text).asymmetricKeyDetails).toEqual({ namedCurve: "secp256k1" });
    expect(text).toHaveLength(VECTOR.publicKeyBase64.length);
  });

  test("a given key is used", () => {
    const privateKeyPem = KEYS.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(layer1PublicKeyBase64(createLayer1Keys({ privateKeyPem }))).toBe(
      layer1PublicKeyBase64(KEYS),
    );
  });
});

function publicKeyOf(base64: string): KeyObject {
  return createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
}

function isValid(key: KeyObject, message: string, signatureBase64: string): boolean {
  return verify("sha256", Buffer.from(message), key, Buffer.from(signatureBase64, "base64"));
}

/** SEQUENCE { INTEGER r, INTEGER s }, all lengths below 128. */
function sOf(signatureBase64: string): bigint {
  const der = Buffer.from(signatureBase64, "base64");
  const lengthOfR = der[3] ?? 0;
  return BigInt(`0x${der.subarray(4 + lengthOfR + 2).toString("hex")}`);
}

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

  test("an answer that is no problem document is a refusal with the status's own words", async () => {
    const { url } = await startReceiver([404]);
    const policy = { ...ZEROHASH_RETRIES, isFinal: (status: number) => status === 404 };
    const { refusal, attempts } = await startSender().send({ url, body: "{}", headersOf }, policy);
    expect(refusal).toEqual({ status: 404, code: null, title: "Not Found", detail: null });
    expect(attempts).toHaveLength(1);
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
