import { generateKeyPairSync, sign } from "node:crypto";
import { MILLISECOND } from "@counterfoil/core/exact/time";
import { serviceAddress } from "@counterfoil/http/early-server";
import { createListener } from "@counterfoil/http/listener";
import {
  FormatTooNew,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import { Overloaded } from "@counterfoil/processing/ports/ingest";
import { describe, expect, test } from "@jest/globals";
import type { InjectOptions } from "fastify";
import { Registry } from "prom-client";
import { createMetrics } from "./telemetry.ts";
import { configOf } from "./testing/config.ts";
import { type CapturedLog, captureLog } from "./testing/log.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createRecordingIngest } from "./testing/recording-ingest.ts";
import { BODY, SECRET, TIMESTAMP_MS, zeroHashHeaders } from "./testing/signed-webhook.ts";
import { registerWebhooks } from "./webhook.ts";

const EC = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
const EC_SPKI = EC.publicKey.export({ type: "spki", format: "der" }).toString("base64");

async function mount(environment: Readonly<Record<string, string>> = {}) {
  const config = configOf(environment);
  const ingest = createRecordingIngest();
  const clock = createManualClock(TIMESTAMP_MS);
  const log = captureLog();
  const registry = new Registry();
  const { logger } = log;
  const { app } = createListener({ config, address: serviceAddress(config), clock, logger });
  const metrics = createMetrics(registry);
  await registerWebhooks(app, { config, ingest, clock, logger, metrics });
  const post = (options: InjectOptions = {}) =>
    app.inject({
      method: "POST",
      url: "/webhooks/zerohash",
      headers: zeroHashHeaders(BODY, ["hmac", "hmac_legacy"]),
      payload: BODY,
      ...options,
    });
  return { app, ingest, clock, log, registry, post };
}

const linesOf = (log: CapturedLog) =>
  log
    .text()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

function expectProblem(
  response: Readonly<{ statusCode: number; body: string; headers: object }>,
  status: number,
  code: string,
): void {
  expect(response.statusCode).toBe(status);
  expect(response.headers).toMatchObject({
    "content-type": "application/problem+json; charset=utf-8",
  });
  expect(JSON.parse(response.body)).toEqual({
    type: `urn:counterfoil:problem:${code}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code,
  });
}

describe("a valid webhook", () => {
  test("is answered with 200 after it is durable, not before", async () => {
    const { ingest, post } = await mount();
    const release = ingest.hold();
    const answered = post();
    await ingest.attempted.when((calls) => calls.length === 1);
    const first = await Promise.race([answered, Promise.resolve("still waiting")]);
    expect(first).toBe("still waiting");
    release();
    const response = await answered;
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      delivery_id: "00000000-0000-0000-0000-000000000001",
      outcome: "recorded",
      position: "1",
    });
  });

  test("is handed over as it came", async () => {
    const { ingest, post } = await mount();
    const headers = {
      ...zeroHashHeaders(BODY, ["hmac"]),
      "x-zh-hook-payload-type": "account_balance.changed",
      "x-zh-hook-notification-id": "n-1",
      "x-request-id": "r-1",
    };
    await post({ headers });
    const now = BigInt(TIMESTAMP_MS) * MILLISECOND;
    expect(ingest.deliveries()).toEqual([
      {
        provider: "zerohash",
        channel: "webhook",
        payloadType: "account_balance.changed",
        notificationId: "n-1",
        place: null,
        verdict: {
          ...{ signature: "valid", scheme: "hmac", key: "1", sentAt: now },
          evidence: expect.any(Array),
        },
        bytes: Buffer.from(BODY),
        receivedAt: now,
        correlationId: "r-1",
      },
    ]);
  });

  test.each(["repeated", "quarantined"] as const)("%s is 200 as well", async (outcome) => {
    const { ingest, post, registry } = await mount();
    ingest.answerWith(() => ({ outcome }));
    const response = await post();
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ outcome });
    const labels = `provider="zerohash",channel="webhook",outcome="${outcome}"`;
    expect(await registry.metrics()).toContain(`counterfoil_deliveries_total{${labels}} 1`);
  });

  test("that is quarantined has a log line with its request id and its delivery id", async () => {
    const { ingest, post, log } = await mount();
    ingest.answerWith(() => ({ outcome: "quarantined" }));
    const response = await post({
      headers: { ...zeroHashHeaders(BODY, ["hmac"]), "x-request-id": "r-1" },
    });
    const about = {
      ...{ request_id: "r-1", remote_address: "127.0.0.1" },
      delivery_id: response.json().delivery_id,
    };
    expect(linesOf(log)).toMatchObject([
      { ...about, level: 40, provider: "zerohash" },
      { ...about, msg: "request", outcome: "quarantined", status: 200 },
    ]);
  });

  test("whose copies are not all recorded as facts is logged and counted", async () => {
    const { ingest, post, log, registry } = await mount();
    ingest.answerWith(() => ({ leftOut: 2 }));
    const { delivery_id } = (await post()).json();
    const [line = "{}"] = log.text().split("\n");
    expect(JSON.parse(line)).toMatchObject({ level: 40, delivery_id, left_out: 2 });
    const labels = 'provider="zerohash",channel="webhook"';
    expect(await registry.metrics()).toContain(`counterfoil_copies_left_out_total{${labels}} 2`);
  });

  test("without headers for it has no payload type and no notification id", async () => {
    const { ingest, post } = await mount();
    await post();
    expect(ingest.deliveries()).toMatchObject([{ payloadType: "", notificationId: null }]);
  });

  test.each([
    ["not UTF-8", Buffer.of(0xff, 0xfe, 0x00, 0xc3, 0x28)],
    ["U+0000", Buffer.from('{"a":"\u0000"}')],
    ["a byte order mark", Buffer.from("\ufeff{}")],
    ["empty", Buffer.alloc(0)],
    ["no JSON", Buffer.from("<xml/>")],
  ])("a body that is %s is submitted unchanged", async (_, payload) => {
    const { ingest, post } = await mount();
    const headers = zeroHashHeaders(payload, ["hmac"]);
    expect((await post({ headers, payload })).statusCode).toBe(200);
    expect(ingest.deliveries().map(({ bytes }) => bytes)).toEqual([payload]);
  });

  test.each([undefined, "application/json", "text/plain; charset=latin1", "garbage", "a/b/c", ";"])(
    "the content type does not matter: %s",
    async (type) => {
      const { ingest, post } = await mount();
      const headers = {
        ...zeroHashHeaders(BODY, ["hmac"]),
        ...(type !== undefined && { "content-type": type }),
      };
      expect((await post({ headers })).statusCode).toBe(200);
      expect(ingest.deliveries()).toHaveLength(1);
    },
  );
});

describe("signatures", () => {
  test("missing: 401, not stored, counted, logged without the body", async () => {
    const { ingest, post, log, registry } = await mount();
    expectProblem(await post({ headers: {} }), 401, "signature_missing");
    expect(ingest.attempted.all()).toEqual([]);
    const labels = 'provider="zerohash",code="signature_missing"';
    expect(await registry.metrics()).toContain(`counterfoil_webhooks_refused_total{${labels}} 1`);
    expect(log.text()).toContain("signature_missing");
    expect(log.text()).not.toContain("94087");
  });

  test("missing in thousands: all counted, ten lines a second, and the number of dropped lines", async () => {
    const { clock, post, log, registry } = await mount();
    for (let n = 0; n < 2_000; n += 1) await post({ headers: {} });
    const refused = () => linesOf(log).filter(({ msg }) => msg === "webhook refused");
    const requests = () => linesOf(log).filter(({ msg }) => msg === "request");
    expect([refused().length, requests().length]).toEqual([10, 10]);
    await clock.advance(1_000);
    await post({ headers: {} });
    expect(requests().at(-1)).toMatchObject({ status: 401, left_out: 1_990 });
    expect(refused().at(-1)).toMatchObject({ code: "signature_missing", left_out: 1_990 });
    expect(await registry.metrics()).toContain('code="signature_missing"} 2001');
  });

  test("wrong: 401, not stored, and neither secret nor signature is printed", async () => {
    const { ingest, post, log } = await mount();
    const headers = { ...zeroHashHeaders(BODY, ["hmac"]), "x-zh-hook-signature-256": "abcdef01" };
    const response = await post({ headers });
    expectProblem(response, 401, "signature_invalid");
    expect(ingest.attempted.all()).toEqual([]);
    for (const text of [SECRET, "abcdef01", "94087"]) {
      expect(log.text()).not.toContain(text);
      expect(response.body).not.toContain(text);
    }
  });

  test("a signature header that comes twice is wrong", async () => {
    const { post } = await mount();
    const headers = zeroHashHeaders(BODY, ["hmac"]);
    const name = "x-zh-hook-signature";
    const twice = { ...headers, [name]: [headers[name] ?? "", headers[name] ?? ""] };
    expectProblem(await post({ headers: twice }), 401, "signature_invalid");
  });

  test("stale: recorded with that verdict", async () => {
    const { ingest, post, clock } = await mount();
    await clock.advance(300_001);
    expect((await post()).statusCode).toBe(200);
    expect(ingest.deliveries()).toMatchObject([{ verdict: { signature: "stale" } }]);
  });

  test("stale with COUNTERFOIL_REJECT_STALE: 401", async () => {
    const { ingest, post, clock } = await mount({ COUNTERFOIL_REJECT_STALE: "true" });
    await clock.advance(300_001);
    expectProblem(await post(), 401, "timestamp_stale");
    expect(ingest.attempted.all()).toEqual([]);
  });

  test("legacy alone with COUNTERFOIL_REQUIRE_TIMESTAMPED_SIGNATURE: 401", async () => {
    const { ingest, post, registry } = await mount({
      COUNTERFOIL_REQUIRE_TIMESTAMPED_SIGNATURE: "true",
    });
    const legacy = { headers: zeroHashHeaders(BODY, ["hmac_legacy"]) };
    expectProblem(await post(legacy), 401, "signature_missing");
    expect(ingest.attempted.all()).toEqual([]);
    expect((await post()).statusCode).toBe(200);
    expect(await registry.metrics()).not.toContain("counterfoil_webhook_legacy_signature_total{");
  });

  test("legacy alone is accepted and counted, a downgrade apart", async () => {
    const { post, registry } = await mount();
    const legacy = { headers: zeroHashHeaders(BODY, ["hmac_legacy"]) };
    for (const options of [legacy, {}, legacy]) expect((await post(options)).statusCode).toBe(200);
    const text = await registry.metrics();
    const name = "counterfoil_webhook_legacy_signature_total";
    expect(text).toContain(`${name}{downgrade="false"} 1`);
    expect(text).toContain(`${name}{downgrade="true"} 1`);
  });
});

describe("Layer1", () => {
  const send = async (payload: string | Buffer, environment = {}) => {
    const mounted = await mount({ COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: EC_SPKI, ...environment });
    const signature = sign("sha256", Buffer.from(payload), EC.privateKey).toString("base64");
    const headers = { "x-signature": signature };
    const response = await mounted.post({ url: "/webhooks/layer1", headers, payload });
    return { ...mounted, response };
  };

  test("is verified with its own key and has no sent time", async () => {
    const { ingest, response } = await send('{"event":"layer1:crypto:balance:updated"}');
    expect(response.statusCode).toBe(200);
    expect(ingest.deliveries()).toMatchObject([
      {
        provider: "layer1",
        payloadType: "layer1:crypto:balance:updated",
        notificationId: null,
        verdict: { signature: "valid", scheme: "ecdsa_secp256k1", key: "1" },
      },
    ]);
  });

  test.each([
    ['{"eventType":"layer1:treasury:notice"}', "layer1:treasury:notice"],
    ['{"event":7}', ""],
    ['{"event":"with a space"}', ""],
    ['{"event":"\\u0000"}', ""],
    [`{"event":"${"x".repeat(201)}"}`, ""],
    ["null", ""],
    ["[]", ""],
    ["{", ""],
    ["[".repeat(200_000), ""],
    ['{"__proto__":{"event":"x"}}', ""],
    [Buffer.of(0x22, 0xff, 0x22), ""],
  ])("payload type of %#", async (payload, payloadType) => {
    const { ingest, response } = await send(payload);
    expect(response.statusCode).toBe(200);
    expect(ingest.deliveries()).toMatchObject([{ payloadType }]);
  });
});

describe("without a secret", () => {
  test("the provider's route is not there", async () => {
    const { ingest, post } = await mount();
    const response = await post({ url: "/webhooks/layer1" });
    expectProblem(response, 404, "channel_not_configured");
    expect(ingest.attempted.all()).toEqual([]);
  });

  test("unsigned webhooks are taken where that is allowed", async () => {
    const { ingest, post } = await mount({ COUNTERFOIL_ALLOW_UNSIGNED: "true" });
    expect((await post({ url: "/webhooks/layer1", headers: {} })).statusCode).toBe(200);
    expect(ingest.deliveries()).toMatchObject([{ verdict: { signature: "unsigned" } }]);
    // Zero Hash has a secret, so its signatures count all the same.
    expectProblem(await post({ headers: {} }), 401, "signature_missing");
  });
});

describe("a request that is not a webhook", () => {
  test.each(["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] as const)(
    "%s: 405 with Allow",
    async (method) => {
      const { ingest, post } = await mount();
      const response = await post({ method });
      expect(response.headers.allow).toBe("POST");
      expect(response.statusCode).toBe(405);
      if (method !== "HEAD") expectProblem(response, 405, "method_not_allowed");
      expect(ingest.attempted.all()).toEqual([]);
    },
  );

  test("a body of just the largest size is taken, one byte more is 413", async () => {
    const { ingest, post } = await mount({ COUNTERFOIL_MAX_BODY_BYTES: "1000" });
    const fits = "x".repeat(1000);
    expect((await post({ payload: fits, headers: zeroHashHeaders(fits) })).statusCode).toBe(200);
    const payload = `${fits}x`;
    const response = await post({ payload, headers: zeroHashHeaders(payload) });
    expectProblem(response, 413, "payload_too_large");
    expect(ingest.deliveries()).toHaveLength(1);
  });
});

describe("when it cannot be stored", () => {
  test.each([
    ["the stream is down", new StreamUnavailable("disk full"), "stream_unavailable"],
    ["the stream was dropped", new StreamMissing("no table in a"), "stream_unavailable"],
    ["too much waits", new Overloaded("64 MiB wait"), "overloaded"],
    ["a newer program wrote the stream", new FormatTooNew("/a has format 9"), "format_too_new"],
  ])("%s: 503 with Retry-After, and the next one is taken", async (_, error, code) => {
    const { ingest, post, registry } = await mount();
    ingest.failNext(error);
    const response = await post();
    expectProblem(response, 503, code);
    expect(response.headers["retry-after"]).toBe("1");
    expect(response.body).not.toContain(error.message);
    expect((await post()).statusCode).toBe(200);
    expect(await registry.metrics()).toContain(`{provider="zerohash",code="${code}"} 1`);
  });

  test("the stream is corrupted: 500 with its code, and an error in the log", async () => {
    const { ingest, post, log, registry } = await mount();
    ingest.failNext(new StreamCorrupted("broken hash in /srv/secret.db"));
    const response = await post();
    expectProblem(response, 500, "stream_corrupted");
    expect(response.body).not.toContain("secret");
    expect(linesOf(log).filter(({ msg }) => msg === "webhook failed")).toMatchObject([
      { level: 50, provider: "zerohash", error: "StreamCorrupted" },
    ]);
    expect(await registry.metrics()).toContain('{provider="zerohash",code="stream_corrupted"} 1');
  });

  test("anything unexpected: 500 without details, and the process lives on", async () => {
    const { ingest, post, log } = await mount();
    ingest.failNext(new TypeError(`cannot read ${BODY}`));
    const response = await post();
    expectProblem(response, 500, "internal_error");
    for (const text of [response.body, log.text()]) expect(text).not.toContain("94087");
    expect(log.text()).toContain("TypeError");
    expect((await post()).statusCode).toBe(200);
  });
});

test("the acknowledgement's latency is measured", async () => {
  const { post, registry } = await mount();
  await post();
  const name = "counterfoil_webhook_acknowledgement_seconds_count";
  expect(await registry.metrics()).toContain(`${name}{provider="zerohash"} 1`);
});

test.each(["/webhooks/zerohash/", "/webhooks/zerohash/v2", "/webhooks/"])(
  "a webhook sent to %s is counted and logged, with the paths that are right",
  async (url) => {
    const { ingest, post, log, registry } = await mount();
    const response = await post({ url });
    expectProblem(response, 404, "not_found");
    expect(response.json().detail).toContain("/webhooks/zerohash and /webhooks/layer1");
    expect(ingest.attempted.all()).toEqual([]);
    expect(log.text()).toContain("webhooks are taken at");
    expect(await registry.metrics()).toContain('{provider="unknown",code="not_found"} 1');
  },
);
