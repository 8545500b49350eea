import { type RebuildProgress, rebuildProgress, statusRecord } from "@counterfoil/contracts/record";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { projectorLock } from "@counterfoil/processing/ports/role-lock";
import { RebuildRunning, type Rebuilds } from "@counterfoil/processing/queries/rebuilds";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { balanceWebhook } from "../testing/balance-webhook.ts";
import { expectOne, expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
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

  test("does not take locks that cannot be looked at for a projector that stopped", async () => {
    const locks = { tryAcquire: () => Promise.reject(new Error("read-only")) };
    gateway = await createTestGateway(ledger, { locks });
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    expect(await statusOf("balances")).toMatchObject({ state: "catching_up" });
  });

  test("tells that a model is not there yet", async () => {
    await ledger.catalogue.drop("trades", 1);
    expect(await statusOf("trades")).toMatchObject({ position: "0", state: "waiting" });
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
      start: async (model) => {
        if (progress !== null) throw new RebuildRunning(`${model} is being built already`);
        progress = PROGRESS;
        return progress;
      },
      progress: () => progress,
    };
  }

  const URL = "/v1/projections/balances/rebuild";

  test("starts once, and tells how it is getting on", async () => {
    gateway = await createTestGateway(ledger, { rebuilds: rebuilding() });
    expectProblem(await gateway.get(URL), "not_found");
    const started = await gateway.send("POST", URL);
    expect(started.status).toBe(202);
    expectOne({ ...started, status: 200 }, rebuildProgress);
    expect(started.body).toEqual({ data: PROGRESS, position: "7" });
    const again = await gateway.send("POST", URL);
    expectProblem(again, "rebuild_running");
    expect(again.body.detail).toBe("balances is being built already");
    expectOne(await gateway.get(URL), rebuildProgress);
  });

  test("is there for projections only, and takes no parameters", async () => {
    const unknown = await gateway.send("POST", "/v1/projections/accounts/rebuild");
    expectProblem(unknown, "not_found");
    expect(unknown.body.detail).toBe('there is no name "accounts"');
    expectProblem(await gateway.send("POST", `${URL}?force=true`), "invalid_query");
  });

  test("refuses other methods with both of its own", async () => {
    const answer = await gateway.send("DELETE", URL);
    expectProblem(answer, "method_not_allowed");
    expect(answer.headers.allow).toBe("POST, GET, HEAD");
  });
});
