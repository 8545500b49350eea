import {
  type RebuildProgress,
  rebuildProgress,
  statusRecord,
} from "@counterfoil/contracts/operations-record";
import { SECOND } from "@counterfoil/core/exact/time";
import { RebuildRunning, type Rebuilds } from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { ModelUnavailable, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { Table } from "@counterfoil/processing/ports/model-store";
import { projectorLock } from "@counterfoil/processing/ports/role-locks";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { balanceWebhook } from "../testing/balance-webhook.ts";
import { expectOne, expectProblem } from "../testing/expectation.ts";
import { createTestGateway, NO_REBUILDS, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

const brokenStream = () => {
  const fail = async () => {
    throw new StreamUnavailable("disk full: /var/lib/counterfoil/stream.db");
  };
  return { ...ledger.stream, head: fail, read: fail };
};

describe("health", () => {
  test("is alive and ready", async () => {
    expect((await gateway.get("/healthz")).body).toEqual({ status: "ok" });
    expect((await gateway.get("/readyz?from=probe")).body).toEqual({ status: "ready" });
  });

  test("is alive but not ready without a stream", async () => {
    const gateway = await createTestGateway({ ...ledger, stream: brokenStream() });
    expect((await gateway.get("/healthz")).status).toBe(200);
    expectProblem(await gateway.get("/readyz"), "stream_unavailable");
  });

  test("is alive but not ready without a model", async () => {
    await ledger.catalogue.drop("trades", 1);
    expect((await gateway.get("/healthz")).status).toBe(200);
    const answer = await gateway.get("/readyz");
    expectProblem(answer, "model_unavailable");
    expect(answer.body.detail).toContain("generation 1 of trades is not built here yet");
  });
});

describe("metrics", () => {
  test("report the lag of every model and the latency of answers", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.fold("balances");
    await gateway.get("/v1/balances");
    await gateway.get("/v1/accounts/nobody");
    const { body, headers } = await gateway.get("/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain/);
    expect(body).toContain('counterfoil_projection_lag_events{model="balances"} 0');
    expect(body).toContain('counterfoil_projection_lag_events{model="trades"} 5');
    const answered = 'http_request_duration_seconds_count{method="GET",route=';
    expect(body).toContain(`${answered}"/v1/balances",status="200"} 1`);
    expect(body).toContain(`${answered}"/v1/accounts/:id",status="404"} 1`);
  });

  test("are served even if nothing can be read", async () => {
    const gateway = await createTestGateway({ ...ledger, stream: brokenStream() });
    const { status, body } = await gateway.get("/metrics");
    expect(status).toBe(200);
    expect(body).toContain('counterfoil_projection_lag_events{model="balances"} Nan');
    expect(body).toContain('counterfoil_model_unreadable{model="balances"} 1');
    expect(body).toContain("counterfoil_quarantined_deliveries Nan");
    expect(body).toContain('counterfoil_open_anomalies{kind="gap"} Nan');
  });

  test("are served at once while a database does not answer", async () => {
    const never = new Promise<never>(() => {});
    const models = { ...gateway.models, snapshot: () => never };
    const clock = { ...ledger.clock, sleep: async () => {} };
    const waiting = await createTestGateway(ledger, { models, clock });
    const { body } = await waiting.get("/metrics");
    expect(body).toContain('counterfoil_model_unreadable{model="trades"} 1');
    expect(body).toContain('counterfoil_model_lag_seconds{model="trades"} Nan');
  });

  test("report what needs a person, and since when a model waits", async () => {
    for (const run of [1, 3]) {
      await ledger.deliver(balanceWebhook({ run, at: run, balance: `${run}`, change: "1" }));
    }
    await ledger.deliver(zeroHashWebhook("weather.changed", { sky: "red" }));
    await ledger.fold("balances");
    const first = (await ledger.stream.read({ after: 0, limit: 1 }))[0]?.recorded_at ?? 0n;
    ledger.clock.set(first + 90n * SECOND);
    const { body } = await gateway.get("/metrics");
    for (const line of [
      'counterfoil_open_anomalies{kind="gap"} 1',
      'counterfoil_unacknowledged_anomalies{kind="gap"} 1',
      'counterfoil_open_anomalies{kind="contradiction"} 0',
      "counterfoil_quarantined_deliveries 1",
      "counterfoil_unlisted_accounts 0",
      'counterfoil_model_lag_seconds{model="balances"} 0',
      'counterfoil_model_lag_seconds{model="trades"} 90',
      'counterfoil_last_delivery_timestamp_seconds{provider="zerohash",channel="webhook"} 17672256',
    ]) {
      expect(body).toContain(line);
    }
  });

  test("have no histogram of pages for people", async () => {
    await gateway.get("/docs/js/scalar.js");
    await gateway.get("/docs");
    const { body } = await gateway.get("/metrics");
    expect(body).not.toContain('route="/docs');
  });
});

describe("the interface's description", () => {
  type Operation = Readonly<{
    summary?: string;
    tags?: readonly string[];
    responses: Readonly<Record<string, { content?: object }>>;
  }>;

  test("is an OpenAPI document of every route", async () => {
    const { body } = await gateway.get("/openapi.json");
    expect(body.openapi).toBe("3.1.0");
    const paths = Object.keys(body.paths);
    expect(paths).toEqual(expect.arrayContaining(["/healthz", "/v1/status", "/v1/balances"]));
    // What people open in a browser, and what other roles answer, is none of it.
    expect(paths.filter((path) => !/^\/(?:v1\/|[a-z]+z$|metrics$|openapi)/.test(path))).toEqual([]);
    const operations = Object.values(body.paths).flatMap((path) => Object.values(path as object));
    for (const { summary, tags, responses } of operations as Operation[]) {
      expect(summary).toBeTruthy();
      expect(tags).toHaveLength(1);
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(["400", "500"]));
      for (const [status, { content }] of Object.entries(responses)) {
        const problem = { "application/problem+json": expect.anything() };
        if (Number(status) >= 400) expect(content).toEqual(problem);
      }
    }
  });

  test("refers to nothing that it does not hold", async () => {
    const { body } = await gateway.get("/openapi.json");
    const references = new Set(JSON.stringify(body).match(/#\/components\/schemas\/[\w/$]+/g));
    const held = Object.keys(body.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(held).toEqual(expect.arrayContaining([...references]));
    expect([...references]).toEqual(expect.arrayContaining(["#/components/schemas/Balance"]));
  });

  test("says amounts and positions are strings", async () => {
    const { schemas } = (await gateway.get("/openapi.json")).body.components;
    expect([schemas.Amount.type, schemas.Position.type]).toEqual(["string", "string"]);
  });

  test("is shown to people", async () => {
    expect((await gateway.get("/docs")).headers.location).toBe("/docs/");
    const { status, headers, raw } = await gateway.get("/docs/");
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^text\/html/);
    expect(raw.toString()).not.toMatch(/https?:/);
    expect(headers["content-security-policy"]).toMatch(/script-src 'self' 'sha256-[\w+/=]+';/);
    expect((await gateway.get("/docs/js/scalar.js")).status).toBe(200);
    expectProblem(await gateway.get("/docs/nothing"), "not_found");
  });
});

async function statusOf(name: string) {
  const answer = await gateway.get("/v1/status");
  expectOne(answer, statusRecord);
  const { projections } = answer.body.data;
  return projections.find((projection: { name: string }) => projection.name === name);
}

describe("status", () => {
  test("tells the head and every projection", async () => {
    await ledger.play("balances-feed-use-cases");
    const { body } = await gateway.get("/v1/status");
    const { hash } = await ledger.stream.head();
    expect(body).toMatchObject({
      position: "25",
      data: {
        ledger: "default",
        environment: "production",
        engine: "memory",
        head: "25",
        head_hash: hash,
      },
    });
    expect(body.data.projections.map(({ name }: { name: string }) => name)).toEqual([
      "balances",
      "withdrawals",
      "deposits",
      "trades",
    ]);
    expect(await statusOf("balances")).toMatchObject({
      position: "25",
      lag: 0,
      generation: 1,
      model_version: PROJECTIONS.balances.version,
      state: "live",
      stopped_keys: 0,
    });
  });

  test("tells a platform's key that what is empty was withheld, not that all is well", async () => {
    for (const run of [1, 3]) {
      await ledger.deliver(balanceWebhook({ run, at: run, balance: `${run}0`, change: "1" }));
    }
    await ledger.deliver(zeroHashWebhook("weather.changed", {}));
    await ledger.fold();
    const operator = await gateway.newKey();
    const platform = await gateway.newKey({ platform: "G1" });
    const open = await gateway.send("GET", "/v1/anomalies?open=true", platform);
    expect(open.body.data).not.toEqual([]);
    const whole = await gateway.send("GET", "/v1/status", operator);
    expectOne(whole, statusRecord);
    expect(whole.body.data).toMatchObject({ scope: "ledger", quarantined: { open: 1 } });
    expect(whole.body.data.needs_a_person).not.toEqual([]);
    const own = await gateway.send("GET", "/v1/status", platform);
    expectOne(own, statusRecord);
    expect(own.body.data).toMatchObject({
      scope: "platform",
      ...{ publisher: null, feed: null, last_deliveries: [], anomalies: [], quarantined: null },
      ...{ stuck: [], needs_a_person: [] },
    });
  });

  test("says of every field that a platform's key does not receive that it is withheld", async () => {
    const { schemas } = (await gateway.get("/openapi.json")).body.components;
    const withheld = (name: string) =>
      Object.entries<{ description?: string }>(schemas[name].properties)
        .filter(([, { description = "" }]) => description.includes("it is withheld: always"))
        .map(([field]) => field);
    expect(withheld("Status")).toEqual([
      ...["head_hash", "publisher", "feed", "last_deliveries", "anomalies", "quarantined"],
      ...["stuck", "needs_a_person"],
    ]);
    expect(withheld("ProjectionStatus")).toEqual(["digest", "state_digest", "stopped_keys"]);
  });

  test("tells how far behind a projection is", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    expect(await statusOf("balances")).toMatchObject({ lag: 5, state: "catching_up" });
    await ledger.fold("balances");
    expect(await statusOf("balances")).toMatchObject({ lag: 0, state: "live" });
    expect(await statusOf("trades")).toMatchObject({ lag: 5, state: "catching_up" });
  });

  test("tells that nobody projects a model that is behind", async () => {
    const locks = createMemoryRoleLocks();
    gateway = await createTestGateway(ledger, { locks });
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    expect(await statusOf("balances")).toMatchObject({ lag: 5, state: "stopped" });
    const projector = await locks.tryAcquire(projectorLock("balances"));
    expect(await statusOf("balances")).toMatchObject({ lag: 5, state: "catching_up" });
    await projector?.release();
    expect(await statusOf("balances")).toMatchObject({ state: "stopped" });
    await ledger.fold("balances");
    expect(await statusOf("balances")).toMatchObject({ lag: 0, state: "live" });
  });

  test("does not report a projector as stopped if locks cannot be read", async () => {
    const locks = { tryAcquire: () => Promise.reject(new Error("read-only")) };
    gateway = await createTestGateway(ledger, { locks });
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    expect(await statusOf("balances")).toMatchObject({ state: "catching_up" });
  });

  test("tells that a model is not there yet", async () => {
    await ledger.catalogue.drop("trades", 1);
    expect(await statusOf("trades")).toMatchObject({ position: "0", state: "waiting" });
  });

  test("does not ask for a projector where one is at a model that is not there yet", async () => {
    const locks = createMemoryRoleLocks();
    gateway = await createTestGateway(ledger, { locks });
    await ledger.catalogue.drop("trades", 1);
    const advice = async () => {
      const { needs_a_person } = (await gateway.get("/v1/status")).body.data;
      const about = ({ what }: { what: string }) => what.startsWith("trades is waiting");
      return needs_a_person.find(about)?.do;
    };
    expect(await advice()).toBe("start a projector");
    await locks.tryAcquire(projectorLock("trades"));
    expect(await advice()).toContain("a projector is at it");
  });

  test("tells that a model cannot be read, and claims no figures for what needs a person", async () => {
    await ledger.play("balances-feed-use-cases");
    const cause = "the read model in PostgreSQL at a:5432: permission denied for table generations";
    const catalogue: typeof ledger.catalogue = {
      ...ledger.catalogue,
      openForReading: (model, generation) =>
        model === "balances"
          ? Promise.reject(new ModelUnavailable(cause))
          : ledger.catalogue.openForReading(model, generation),
    };
    gateway = await createTestGateway({ ...ledger, catalogue });
    const reason = "the engine does not let it be read";
    expect(await statusOf("balances")).toMatchObject({
      state: "unreadable",
      position: "0",
      reason,
    });
    expect(await statusOf("trades")).toMatchObject({ reason: null });
    const answer = await gateway.get("/v1/status");
    const { needs_a_person } = answer.body.data;
    const about = ({ what }: { what: string }) => what.startsWith("balances");
    expect(needs_a_person.filter(about)).toHaveLength(1);
    expect(needs_a_person.find(about).what).toContain(`balances is unreadable: ${reason}`);
    expect(needs_a_person.find(about).what).not.toMatch(/behind/);
    expect(JSON.stringify(answer.body)).not.toContain("5432");
    // The other models' generations are listed all the same.
    const listed = await gateway.send("GET", "/v1/projections");
    expect(listed.status).toBe(200);
  });

  test.each([
    ["any", () => true],
    [
      "the accounts, which the status itself does not read",
      ({ name }: Table) => name === "accounts",
    ],
  ])(
    "tells that rows of another version cannot be read, and how far they are: %s",
    async (_, lacks) => {
      await ledger.play("balances-feed-use-cases");
      const older = PROJECTIONS.balances.version - 1;
      const catalogue: typeof ledger.catalogue = {
        ...ledger.catalogue,
        openForReading: async (model, generation) => {
          const reader = await ledger.catalogue.openForReading(model, generation);
          if (model !== "balances") return reader;
          return {
            ...reader,
            snapshot: (read) =>
              reader.snapshot((rows, checkpoint) => {
                const select: typeof rows.select = async (table, selection) => {
                  if (!lacks(table)) return rows.select(table, selection);
                  throw new ModelUnavailable("no such column: unacknowledged");
                };
                return read({ ...rows, select }, checkpoint, older);
              }),
          };
        },
      };
      const locks = createMemoryRoleLocks();
      gateway = await createTestGateway({ ...ledger, catalogue }, { locks });
      expect(await statusOf("balances")).toMatchObject({
        ...{ state: "unreadable", position: "25", model_version: older },
        reason: `its rows are of model version ${older}, and this program reads version ${older + 1}`,
      });
      const advice = async () => {
        const { needs_a_person } = (await gateway.get("/v1/status")).body.data;
        const about = ({ what }: { what: string }) => what.startsWith("balances is unreadable");
        return needs_a_person.find(about)?.do;
      };
      expect(await advice()).toBe("start a projector");
      await locks.tryAcquire(projectorLock("balances"));
      expect(await advice()).toContain("a projector is at it");
    },
  );

  test("tells that the stream refuses appends, as long as it does", async () => {
    let isRefused = true;
    gateway = await createTestGateway(ledger, { areAppendsRefused: async () => isRefused });
    const needed = async () => {
      const { needs_a_person } = (await gateway.get("/v1/status")).body.data;
      return needs_a_person.some(({ what }: { what: string }) => what.includes("refuses appends"));
    };
    expect(await needed()).toBe(true);
    isRefused = false;
    expect(await needed()).toBe(false);
  });

  test("tells that a projection followed another stream", async () => {
    const other = await createTestLedger();
    await other.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.play("balances-feed-use-cases");
    gateway = await createTestGateway({ ...ledger, stream: other.stream });
    expect(await statusOf("balances")).toMatchObject({ position: "25", state: "forked" });
  });
});

describe("rebuild", () => {
  const PROGRESS: RebuildProgress = {
    model: "balances",
    generation: 2,
    state: "building",
    position: "7",
    target: "25",
    events_per_second: 1000,
    started_at: "2026-01-01T00:00:00Z",
    finished_at: null,
    detail: null,
  };

  function rebuilding(): Rebuilds {
    let progress: RebuildProgress | null = null;
    return {
      ...NO_REBUILDS,
      rollBack: async (_model, _actor, generation) => {
        progress = { ...PROGRESS, generation };
        return progress;
      },
      generations: (model) => ledger.catalogue.generations(model),
      start: async (model) => {
        if (progress !== null) throw new RebuildRunning(`${model} is being built already`);
        progress = PROGRESS;
        return progress;
      },
      progress: () => progress,
    };
  }

  const URL = "/v1/projections/balances/rebuild";

  test("starts once, and reports its progress", async () => {
    gateway = await createTestGateway(ledger, { rebuilds: rebuilding() });
    const key = await gateway.newKey({ role: "operator" });
    expectProblem(await gateway.send("GET", URL, key), "not_found");
    const started = await gateway.send("POST", URL, key);
    expect(started.status).toBe(202);
    expectOne({ ...started, status: 200 }, rebuildProgress);
    expect(started.body).toEqual({ data: PROGRESS, position: "7" });
    const again = await gateway.send("POST", URL, key);
    expectProblem(again, "rebuild_running");
    expect(again.body.detail).toBe("balances is being built already");
    expectOne(await gateway.send("GET", URL, key), rebuildProgress);
  });

  test("goes back to a generation that is kept, and to no other", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.fold();
    gateway = await createTestGateway(ledger, { rebuilds: rebuilding() });
    const key = await gateway.newKey({ role: "operator" });
    const back = (generation: unknown) =>
      gateway.send("POST", "/v1/projections/balances/rollback", {
        headers: { ...key.headers, "content-type": "application/json" },
        payload: JSON.stringify({ generation }),
      });
    const missing = await back(7);
    expectProblem(missing, "not_found");
    expect(missing.body.detail).toBe("balances has no generation 7; kept: 1");
    expectProblem(await back("1"), "malformed_request");
    expectOne({ ...(await back(1)), status: 200 }, rebuildProgress);
    const { body } = await gateway.send("GET", "/v1/projections", key);
    expect(body.data).toHaveLength(4);
    expect(body.data[0]).toMatchObject({
      name: "balances",
      generations: [{ generation: 1, is_live: true, digest: expect.not.stringMatching(/^0+$/) }],
      rebuild: { generation: 1, state: "building" },
    });
  });

  test("a platform's key sees neither digests nor what differed, and changes nothing", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.fold();
    gateway = await createTestGateway(ledger, { rebuilds: rebuilding() });
    const key = await gateway.newKey({ role: "operator", platform: "G1" });
    const { body } = await gateway.send("GET", "/v1/projections", key);
    expect(body.data[0].generations[0].digest).toMatch(/^0+$/);
    const asked = {
      headers: { ...key.headers, "content-type": "application/json" },
      payload: '{"generation":1}',
    };
    const refused = await gateway.send("POST", "/v1/projections/balances/rollback", asked);
    expectProblem(refused, "wrong_role");
  });

  test("is there for projections only, and takes no parameters", async () => {
    const key = await gateway.newKey({ role: "operator" });
    const unknown = await gateway.send("POST", "/v1/projections/accounts/rebuild", key);
    expectProblem(unknown, "not_found");
    expect(unknown.body.detail).toMatch(/^there is no projection "accounts": expected one of bal/);
    expectProblem(await gateway.send("POST", `${URL}?force=true`, key), "invalid_query");
  });

  test("refuses other methods with both of its own", async () => {
    const answer = await gateway.send("DELETE", URL);
    expectProblem(answer, "method_not_allowed");
    expect(answer.headers.allow).toBe("POST, GET, HEAD");
  });
});
