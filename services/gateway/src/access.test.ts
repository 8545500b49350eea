import { gunzipSync } from "node:zlib";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { serviceAddress } from "@counterfoil/http/early-server";
import { createListener } from "@counterfoil/http/listener";
import { createReadiness, mountOperations } from "@counterfoil/http/operations";
import { followKeys, revokeKey } from "@counterfoil/processing/access/keys";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { Registry } from "prom-client";
import { guard } from "./access.ts";
import type { GatewayDeps } from "./gateway.ts";
import { expectProblem } from "./testing/expectation.ts";
import {
  configOf,
  createTestGateway,
  NO_REBUILDS,
  type TestGateway,
} from "./testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "./testing/test-ledger.ts";

const BALANCES = "/v1/balances";
const REBUILD = "/v1/projections/balances/rebuild";
const FAR = { remoteAddress: "192.0.2.7" };

let ledger: TestLedger;
let gateway: TestGateway;
const keys = createMemoryKeyStore();

beforeEach(async () => {
  ledger = await createTestLedger();
  await ledger.play("balances-feed-use-cases");
  gateway = await createTestGateway(ledger, { keys });
});

afterEach(() => gateway.stop());

/** The same ledger behind another configuration. */
async function configured(
  environment: Readonly<Record<string, string>>,
  deps: Partial<GatewayDeps> = {},
): Promise<void> {
  await gateway.stop();
  gateway = await createTestGateway(ledger, { ...deps, keys, config: configOf(environment) });
}

const BUILDING = { ...NO_REBUILDS, start: async () => PROGRESS as never };

const statusOf = async (...asked: Parameters<TestGateway["send"]>) =>
  (await gateway.send(...asked)).status;

describe("a ledger that never had a key", () => {
  test("is read on loopback, and changed by nobody", async () => {
    expect(await statusOf("GET", BALANCES)).toBe(200);
    expect(await statusOf("GET", BALANCES, { remoteAddress: "::1" })).toBe(200);
    expect(await statusOf("GET", BALANCES, { remoteAddress: "::ffff:127.0.0.1" })).toBe(200);
    expectProblem(await gateway.send("POST", REBUILD), "unauthenticated");
  });

  test("cannot be read beyond loopback, whatever the headers claim", async () => {
    const answer = await gateway.send("GET", BALANCES, FAR);
    expectProblem(answer, "unauthenticated");
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
    expect(answer.body.detail).toContain("counterfoil keys create");
    const headers = { "x-forwarded-for": "127.0.0.1", forwarded: "for=127.0.0.1" };
    expect(await statusOf("GET", BALANCES, { ...FAR, headers })).toBe(401);
    expect(await statusOf("GET", "/metrics", FAR)).toBe(401);
    expect(await statusOf("GET", "/healthz", FAR)).toBe(200);
  });

  test("can be read beyond loopback if configured, and changed by nobody", async () => {
    await configured({ COUNTERFOIL_ALLOW_UNAUTHENTICATED: "true" });
    expect(await statusOf("GET", BALANCES, FAR)).toBe(200);
    expectProblem(await gateway.send("POST", REBUILD, FAR), "unauthenticated");
    const headers = { host: "evil.example" };
    expectProblem(await gateway.send("GET", BALANCES, { headers }), "unknown_host");
  });
});

describe("keys", () => {
  test("are required permanently once there was one, on loopback too, even if all are lost", async () => {
    const { keyId, headers } = await gateway.newKey();
    await configured({ COUNTERFOIL_ALLOW_UNAUTHENTICATED: "true" });
    for (const url of [BALANCES, "/v1/status", "/v1/events", "/v1/nothing", "/v1/anomalies"]) {
      expectProblem(await gateway.get(url), "unauthenticated");
    }
    expect(await statusOf("GET", BALANCES, { headers, ...FAR })).toBe(200);
    await keys.remove(keyId);
    await ledger.clock.advance(1000);
    expectProblem(await gateway.send("GET", BALANCES, { headers }), "unauthenticated");
    expectProblem(await gateway.get(BALANCES), "unauthenticated");
    for (const url of ["/healthz", "/readyz", "/openapi.json"]) {
      expect([url, await statusOf("GET", url, FAR)]).toEqual([url, 200]);
    }
  });

  test("that are invalid are refused, without a reason", async () => {
    const { headers } = await gateway.newKey();
    const other = await createTestGateway(await createTestLedger());
    const foreign = await other.newKey();
    await other.stop();
    const secret = headers.authorization?.slice("Bearer ".length) ?? "";
    const bad: Readonly<Record<string, string>>[] = [
      {},
      { authorization: "" },
      { authorization: secret },
      { authorization: `Basic ${btoa(secret)}` },
      { authorization: `Bearer ${secret.slice(0, -1)}` },
      { authorization: `Bearer ${secret}A` },
      { authorization: `Bearer ${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}` },
      { authorization: `Bearer ${secret.toUpperCase()}` },
      { authorization: `Bearer ${secret}, Bearer ${secret}` },
      { authorization: `Bearer ${"A".repeat(4000)}` },
      { "x-api-key": secret },
      { cookie: `key=${secret}` },
      foreign.headers,
    ];
    const details = new Set<string>();
    for (const headers of bad) {
      const answer = await gateway.send("GET", BALANCES, { headers });
      expectProblem(answer, "unauthenticated");
      details.add(answer.body.detail);
    }
    expectProblem(await gateway.get(`${BALANCES}?key=${secret}`), "unauthenticated");
    expect([...details]).toEqual([expect.stringContaining("Authorization: Bearer")]);
    expect(await statusOf("GET", BALANCES, { headers })).toBe(200);
  });

  test("are refused once they are revoked or have expired", async () => {
    const expiresAt = ledger.clock.now() + 60_000_000_000n;
    const expiring = await gateway.newKey({ expiresAt });
    const revoked = await gateway.newKey();
    expect(await statusOf("GET", BALANCES, expiring)).toBe(200);
    expect(await statusOf("GET", BALANCES, revoked)).toBe(200);
    const { stream, clock } = ledger;
    const keeping = { stream, keys, clock, hashing: nodeHashing };
    await revokeKey(keeping, { id: revoked.keyId, actor: "a test" });
    await clock.advance(1000);
    expectProblem(await gateway.send("GET", BALANCES, revoked), "unauthenticated");
    expect(await statusOf("GET", BALANCES, expiring)).toBe(200);
    await clock.advance(58_000);
    expectProblem(await gateway.send("GET", BALANCES, expiring), "unauthenticated");
  });

  test("of a reader change nothing", async () => {
    const rebuilds = BUILDING;
    await configured({}, { rebuilds });
    const reader = await gateway.newKey();
    expectProblem(await gateway.send("POST", REBUILD, reader), "wrong_role");
    const operator = await gateway.newKey({ role: "operator" });
    expect(await statusOf("GET", BALANCES, operator)).toBe(200);
    expect(await statusOf("POST", REBUILD, operator)).toBe(202);
  });

  test("without a platform read metrics beyond loopback, and no others do", async () => {
    const all = await gateway.newKey();
    const scoped = await gateway.newKey({ platform: "G1" });
    const metrics = (headers = {}) => gateway.send("GET", "/metrics", { ...FAR, headers });
    expectProblem(await metrics(), "unauthenticated");
    expectProblem(await metrics(scoped.headers), "wrong_role");
    expect((await metrics(all.headers)).status).toBe(200);
    expect(await statusOf("GET", "/metrics")).toBe(200);
  });

  test("guard the metrics of a role that answers no readers as well", async () => {
    const { clock, stream } = ledger;
    const deps = { config: configOf(), clock, logger: pino({ level: "silent" }) };
    const listener = createListener({ ...deps, address: serviceAddress(deps.config) });
    const directory = followKeys({ stream, keys, clock });
    guard(listener.app, { ...deps, hashing: nodeHashing, directory });
    mountOperations(
      listener.app,
      new Registry(),
      createReadiness(async () => {}, clock),
    );
    const { headers } = await gateway.newKey();
    const statusOf = async (url: string, also = {}) =>
      (await listener.app.inject({ url, ...also })).statusCode;
    expect(await statusOf("/metrics", FAR)).toBe(401);
    expect(await statusOf("/metrics", { ...FAR, headers })).toBe(200);
    expect(await statusOf("/metrics")).toBe(200);
    expect(await statusOf("/healthz", FAR)).toBe(200);
    await listener.stop();
  });

  test("are in no answer and in no line of the document's examples", async () => {
    const key = await gateway.newKey();
    const events = await gateway.send("GET", "/v1/events?types=ApiKeyCreated", key);
    const secret = key.headers.authorization?.slice("Bearer ".length) ?? "?";
    expect(events.body.data).toHaveLength(1);
    expect(String(events.raw)).not.toContain(secret);
    expect(String(events.raw)).not.toContain(nodeHashing.sha256(secret));
  });
});

const PROGRESS = { model: "balances", position: "7" };

describe("names and origins", () => {
  const rebinding = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "10.0.0.1",
    "[::2]",
  ];

  test.each(rebinding)("the Host %s is refused, with a key too", async (host) => {
    expectProblem(await gateway.send("GET", BALANCES, { headers: { host } }), "unknown_host");
    const { headers } = await gateway.newKey({ role: "operator" });
    const also = { headers: { ...headers, host } };
    expectProblem(await gateway.send("GET", BALANCES, also), "unknown_host");
    expectProblem(await gateway.send("POST", REBUILD, also), "unknown_host");
    expectProblem(await gateway.send("GET", "/docs", also), "unknown_host");
    for (const url of ["/healthz", "/readyz", "/metrics"]) {
      expect(await statusOf("GET", url, { headers: { host } })).toBe(200);
    }
  });

  test.each(["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:8080"])(
    "the Host %s is this machine",
    async (host) => expect(await statusOf("GET", BALANCES, { headers: { host } })).toBe(200),
  );

  test("names that are configured are known", async () => {
    await configured({
      COUNTERFOIL_HTTP_HOST: "ledger.internal",
      COUNTERFOIL_ALLOWED_HOSTS: "books.example.org, [2001:db8::1]",
    });
    for (const host of ["ledger.internal:80", "Books.example.org:443", "[2001:db8::1]:8080"]) {
      expect([host, await statusOf("GET", BALANCES, { headers: { host } })]).toEqual([host, 200]);
    }
    expect(await statusOf("GET", BALANCES, { headers: { host: "example.org" } })).toBe(421);
  });

  test("a page of another origin changes nothing, whatever key it has", async () => {
    await configured({}, { rebuilds: BUILDING });
    const { headers } = await gateway.newKey({ role: "operator" });
    const foreign: Readonly<Record<string, string>>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://localhost:3000", "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" },
    ];
    for (const also of foreign) {
      const asked = { headers: { ...headers, host: "localhost:8080", ...also } };
      expectProblem(await gateway.send("POST", REBUILD, asked), "foreign_origin");
      expect(await statusOf("GET", BALANCES, asked)).toBe(200);
    }
    const own = { origin: "http://localhost:8080", "sec-fetch-site": "same-origin" };
    const asked = { headers: { ...headers, host: "localhost:8080", ...own } };
    expect(await statusOf("POST", REBUILD, asked)).toBe(202);
  });

  test("no origin may read, unless it is configured", async () => {
    const headers = { origin: "https://app.example.org" };
    const closed = await gateway.send("GET", BALANCES, { headers });
    expect(closed.headers["access-control-allow-origin"]).toBeUndefined();
    await configured(
      { COUNTERFOIL_CORS_ORIGINS: "https://app.example.org" },
      { rebuilds: BUILDING },
    );
    const key = await gateway.newKey({ role: "operator" });
    const asked = { headers: { ...headers, ...key.headers, "sec-fetch-site": "cross-site" } };
    const open = await gateway.send("GET", BALANCES, asked);
    expect(open.headers["access-control-allow-origin"]).toBe(headers.origin);
    expect(await statusOf("POST", REBUILD, asked)).toBe(202);
    const preflight = { ...headers, "access-control-request-method": "POST" };
    const before = await gateway.send("OPTIONS", REBUILD, { headers: preflight });
    expect(before.status).toBe(204);
    expect(before.headers["access-control-allow-origin"]).toBe(headers.origin);
    const other = { ...asked.headers, origin: "https://evil.example" };
    const refused = await gateway.send("GET", BALANCES, { headers: other });
    expect(refused.headers["access-control-allow-origin"]).not.toBe(other.origin);
    expectProblem(await gateway.send("POST", REBUILD, { headers: other }), "foreign_origin");
  });

  test("the headers of a proxy count where it is trusted", async () => {
    const headers = { "x-forwarded-for": "192.0.2.1", "x-forwarded-host": "evil.example" };
    expect(await statusOf("GET", BALANCES, { headers })).toBe(200);
    await configured({ COUNTERFOIL_TRUSTED_PROXIES: "127.0.0.0/8" });
    expectProblem(await gateway.send("GET", BALANCES, { headers }), "unknown_host");
    const far = { "x-forwarded-for": "192.0.2.1" };
    expectProblem(await gateway.send("GET", BALANCES, { headers: far }), "unauthenticated");
    const forged = { "x-forwarded-for": "127.0.0.1", "x-forwarded-host": "localhost" };
    expect(await statusOf("GET", BALANCES, { headers: forged, ...FAR })).toBe(401);
  });
});

describe("answers", () => {
  test("have headers that stop browsers from interpreting them", async () => {
    const { headers } = await gateway.get(BALANCES);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "content-security-policy": expect.stringContaining("default-src 'none'"),
    });
    expect(headers["strict-transport-security"]).toBeUndefined();
  });

  test("are answered with 304 if the client has them", async () => {
    const { headers } = await gateway.get(BALANCES);
    const etag = String(headers.etag);
    expect(etag).toMatch(/^W\/"/);
    const asked = { headers: { "if-none-match": etag } };
    const again = await gateway.send("GET", BALANCES, asked);
    expect([again.status, again.raw.length]).toEqual([304, 0]);
    expect(await statusOf("GET", `${BALANCES}?asset=USD`, asked)).toBe(200);
  });

  test("are known by one tag of a list, weak or strong, or by any", async () => {
    const etag = String((await gateway.get(BALANCES)).headers.etag);
    const strong = etag.slice(2);
    const asked = (tags: string, url = BALANCES) =>
      statusOf("GET", url, { headers: { "if-none-match": tags } });
    for (const tags of [`"x", ${etag}`, `${etag},"x"`, `W/"a,b" , ${strong}`, strong, "*", " * "]) {
      expect([tags, await asked(tags)]).toEqual([tags, 304]);
    }
    for (const tags of ['"x"', 'W/"x", "y"', strong.slice(1, -1), `"*"`, ""]) {
      expect([tags, await asked(tags)]).toEqual([tags, 200]);
    }
    // Of what is not there nobody has a copy, and a change is no copy of anything.
    expect(await asked("*", "/v1/accounts/nobody")).toBe(404);
    const { headers } = await gateway.newKey({ role: "operator" });
    const send = { headers: { ...headers, "if-none-match": "*" }, payload: { note: "n" } };
    expect(await statusOf("POST", "/v1/anomalies/nobody/acknowledge", send)).toBe(404);
  });

  test("have another ETag at another position, on every list", async () => {
    for (const url of ["/v1/balances", "/v1/withdrawals", "/v1/anomalies", "/v1/deliveries"]) {
      const { headers } = await gateway.get(url);
      const asked = { headers: { "if-none-match": String(headers.etag) } };
      expect([url, await statusOf("GET", url, asked)]).toEqual([url, 304]);
      await ledger.deliver(zeroHashWebhook("weather.changed", { url }));
      await ledger.fold();
      expect([url, await statusOf("GET", url, asked)]).toEqual([url, 200]);
    }
  });

  test("are never cached, on any route, unless they are about neither money nor persons", async () => {
    const { paths } = (await gateway.get("/openapi.json")).body;
    const { headers: key } = await gateway.newKey({ role: "operator" });
    const revalidated: string[] = [];
    for (const [path, methods] of Object.entries(paths)) {
      if (!path.startsWith("/v1/")) continue;
      for (const method of Object.keys(Object(methods)) as ("get" | "post")[]) {
        // No route has this parameter: each refuses it with the headers of its answers.
        const url = `${path.replaceAll(/\{\w+\}/g, "balance")}?nobody=knows`;
        const asked = method === "get" ? { headers: key } : { headers: key, payload: {} };
        const { headers } = await gateway.send(method === "get" ? "GET" : "POST", url, asked);
        if (headers["cache-control"] === "private, no-cache") revalidated.push(path);
        else expect([method, path, headers["cache-control"]]).toEqual([method, path, "no-store"]);
      }
    }
    expect(revalidated.sort()).toEqual([
      ...["/v1/head", "/v1/heads", "/v1/projections", "/v1/projections/{name}/rebuild"],
      ...["/v1/proofs/consistency", "/v1/proofs/inclusion", "/v1/status"],
    ]);
  });

  test("about money are never cached, bytes for a minute, and none for another key", async () => {
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("weather.changed", {}));
    await ledger.fold();
    for (const [url, expected] of [
      ["/v1/balances", "no-store"],
      ["/v1/deposits", "no-store"],
      ["/v1/events", "no-store"],
      ["/v1/events/nobody", "no-store"],
      ["/v1/explain/balance/nobody", "no-store"],
      ["/v1/nothing", undefined],
      ["/v1/status", "private, no-cache"],
      ["/v1/heads", "private, no-cache"],
      [`/v1/deliveries/${deliveryId}/body`, "private, max-age=60"],
    ]) {
      const { headers } = await gateway.get(String(url));
      expect([url, headers["cache-control"]]).toEqual([url, expected]);
      if (expected !== undefined) expect(headers.vary).toMatch(/^Authorization/);
    }
  });

  test("are compressed if the client accepts it", async () => {
    const plain = await gateway.get("/v1/events?limit=100");
    const headers = { "accept-encoding": "gzip, br" };
    const packed = await gateway.app.inject({ url: "/v1/events?limit=100", headers });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(packed.rawPayload)).toEqual(plain.raw);
    expect(packed.headers.etag).toBe(plain.headers.etag);
  });

  test("are limited per minute and key", async () => {
    await configured({ COUNTERFOIL_RATE_LIMIT: "2" });
    const [one, two] = [await gateway.newKey(), await gateway.newKey()];
    const first = await gateway.send("GET", BALANCES, one);
    expect(first.headers).toMatchObject({ "ratelimit-limit": "2", "ratelimit-remaining": "1" });
    expect(await statusOf("GET", "/v1/status", one)).toBe(200);
    const third = await gateway.send("GET", BALANCES, one);
    expectProblem(third, "rate_limited");
    expect(Number(third.headers["ratelimit-reset"])).toBeGreaterThan(0);
    expect(await statusOf("GET", BALANCES, two)).toBe(200);
    expect(await statusOf("GET", "/healthz", one)).toBe(200);
  });
});
