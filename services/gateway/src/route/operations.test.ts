import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { balanceWebhook } from "../testing/balance-webhook.ts";
import { expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
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
    expect(answer.body.detail).toContain("generation 1 of trades has not been built here");
  });
});

describe("metrics", () => {
  test("tell the lag of every model and how long answers took", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.fold("balances");
    await gateway.get("/v1/balances");
    await gateway.get("/v1/accounts/nobody");
    const { body, headers } = await gateway.get("/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain/);
    expect(body).toContain('counterfoil_projection_lag_events{model="balances"} 0');
    expect(body).toContain('counterfoil_projection_lag_events{model="trades"} 5');
    const answered = 'counterfoil_http_answer_seconds_count{method="GET",route=';
    expect(body).toContain(`${answered}"/v1/balances",status="200"} 1`);
    expect(body).toContain(`${answered}"/v1/accounts/:id",status="404"} 1`);
  });

  test("are told also when nothing can be read", async () => {
    const gateway = await createTestGateway({ ...ledger, stream: brokenStream() });
    const { status, body } = await gateway.get("/metrics");
    expect(status).toBe(200);
    expect(body).toContain('counterfoil_projection_lag_events{model="balances"} Nan');
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
    expect(Object.keys(body.paths).sort()).toEqual([
      "/healthz",
      "/metrics",
      "/openapi.json",
      "/readyz",
      "/v1/accounts/{id}",
      "/v1/accounts/{id}/entries",
      "/v1/anomalies",
      "/v1/balances",
      "/v1/deliveries/{id}",
      "/v1/deliveries/{id}/body",
      "/v1/deposits",
      "/v1/deposits/{id}",
      "/v1/deposits/{id}/history",
      "/v1/events",
      "/v1/projections/{name}/rebuild",
      "/v1/quarantine",
      "/v1/runs/{run_id}",
      "/v1/status",
      "/v1/trades",
      "/v1/trades/{id}",
      "/v1/trades/{id}/history",
      "/v1/withdrawals",
      "/v1/withdrawals/{id}",
      "/v1/withdrawals/{id}/history",
    ]);
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
    const { status, headers } = await gateway.get("/docs");
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^text\/html/);
    expect((await gateway.get("/docs/json")).body.info.title).toBe("Counterfoil");
  });
});
