import { anomalyRecord, quarantinedRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceWebhook } from "../testing/balance-webhook.ts";
import { expectList, expectOne, expectProblem } from "../testing/expectation.ts";
import { quarantineRetried } from "../testing/quarantine-retried.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

// biome-ignore lint/suspicious/noExplicitAny: looked into freely
async function anomalies(parameters = ""): Promise<any[]> {
  const answer = await gateway.get(`/v1/anomalies?${parameters}`);
  expectList(answer, anomalyRecord);
  return answer.body.data;
}

/** Flows that were left in the middle get stuck, each in its own model. */
async function playHalfOfEach(): Promise<void> {
  for (const { steps } of SCENARIOS.values()) {
    for (const step of steps.slice(0, Math.ceil(steps.length / 2))) await ledger.deliver(step);
  }
  await ledger.fold();
}

describe("anomalies", () => {
  test("open, and close with what closed them", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 1000, balance: "10", change: "10" }));
    await ledger.deliver(balanceWebhook({ run: 3, at: 3000, balance: "16", change: "1" }));
    await ledger.fold();
    const [gap] = await anomalies("kind=gap&open=true");
    expect(gap).toMatchObject({
      id: `gap:${ACCOUNT_ID}:1..3`,
      kind: "gap",
      model: "balances",
      subject: ACCOUNT_ID,
      detail: { missing_amount: "5" },
      closed_position: null,
    });
    expect(await anomalies("open=false")).toEqual([]);
    await ledger.deliver(balanceWebhook({ run: 2, at: 2000, balance: "15", change: "5" }));
    await ledger.fold();
    expect(await anomalies("open=true")).toEqual([]);
    const { position } = await ledger.stream.head();
    const closed = await anomalies(`open=false&subject=${encodeURIComponent(ACCOUNT_ID)}`);
    expect(closed).toMatchObject([{ id: gap.id, closed_position: String(position - 1) }]);
    expect(await anomalies()).toEqual(closed);
  });

  test("wait for every model with one listener on the response, not one for each wait", async () => {
    await playHalfOfEach();
    const listeners: number[] = [];
    const counting = await createTestGateway(ledger, {
      register: async (app) => {
        app.addHook("onSend", async (_request, { raw }) => {
          listeners.push(raw.listenerCount("close"));
        });
      },
    });
    await counting.get("/v1/anomalies");
    await ledger.deliver(balanceWebhook({ run: 1, at: 1000, balance: "10", change: "10" }));
    const { position } = await ledger.stream.head();
    const reading = counting.get(`/v1/anomalies?min_position=${position}`);
    await ledger.clock.advance(1000);
    await ledger.fold();
    await ledger.clock.advance(50);
    await reading;
    const [without = 0, waiting] = listeners;
    expect(waiting).toBe(without + 1);
  });

  test("are those of all models, newest first, and filtered", async () => {
    await playHalfOfEach();
    const all = await anomalies();
    expect(new Set(all.map(({ model }) => model)).size).toBeGreaterThan(1);
    const positions = all.map(({ opened_position }) => Number(opened_position));
    expect(positions).toEqual(positions.toSorted((a, b) => b - a));
    for (const name of ["kind", "model", "subject"] as const) {
      for (const value of new Set<string>(all.map((anomaly) => anomaly[name]))) {
        const expected = all.filter((anomaly) => anomaly[name] === value);
        expect(await anomalies(`${name}=${encodeURIComponent(value)}`)).toEqual(expected);
      }
    }
  });

  test("are each found by their id, stuck ones too", async () => {
    await playHalfOfEach();
    const all = await anomalies();
    expect(all.map(({ kind }) => kind)).toContain("stuck");
    for (const anomaly of all) {
      const answer = await gateway.get(`/v1/anomalies/${encodeURIComponent(anomaly.id)}`);
      expectOne(answer, anomalyRecord);
      expect(answer.body.data).toEqual(anomaly);
    }
    expectProblem(await gateway.get("/v1/anomalies/gap:nowhere"), "not_found");
  });

  test.each([1, 2, 3, 5])("page over all models by %d", async (limit) => {
    await playHalfOfEach();
    const paged: unknown[] = [];
    for (let cursor = ""; ; ) {
      const url = `/v1/anomalies?limit=${limit}${cursor && `&cursor=${cursor}`}`;
      const { body } = await gateway.get(url);
      expect(body.data.length).toBeLessThanOrEqual(limit);
      paged.push(...body.data);
      if (body.next_cursor === null || paged.length > 1000) break;
      cursor = body.next_cursor;
    }
    expect(paged).toEqual(await anomalies());
  });

  test("stand at the position of the model that is furthest behind", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.fold("balances", "deposits", "trades");
    expect((await gateway.get("/v1/anomalies")).body.position).toBe("0");
    expect((await gateway.get("/v1/anomalies?model=balances")).body.position).toBe("5");
  });

  test("tell what is stuck, by the clock", async () => {
    const steps = SCENARIOS.get("balances-feed-use-cases")?.steps.slice(0, 3) ?? [];
    for (const step of steps) await ledger.deliver(step);
    await ledger.fold();
    const [stuck, ...others] = await anomalies("kind=stuck");
    expect(others).toEqual([]);
    expect(stuck).toMatchObject({
      kind: "stuck",
      model: "withdrawals",
      subject: "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
      detail: { stage: "pending", entered_at: "2021-11-29T12:37:06.534066Z", after_seconds: 86400 },
      opened_at: "2021-11-30T12:37:06.534066Z",
      closed_position: null,
    });
    expect(await anomalies(`subject=${stuck.subject}`)).toEqual([stuck]);
    expect(await anomalies("open=false&kind=stuck")).toEqual([]);
    ledger.clock.set(BigInt(Date.UTC(2021, 10, 29, 13)) * 1_000_000n);
    expect(await anomalies("kind=stuck")).toEqual([]);
  });

  test.each(["kind=strange", "model=accounts", "open=yes", "subject="])(
    "refuse %s",
    async (parameters) => {
      expectProblem(await gateway.get(`/v1/anomalies?${parameters}`), "invalid_query");
    },
  );
});

describe("quarantine", () => {
  // biome-ignore lint/suspicious/noExplicitAny: looked into freely
  async function quarantined(parameters = ""): Promise<any[]> {
    await ledger.fold("balances");
    const answer = await gateway.get(`/v1/quarantine?${parameters}`);
    expectList(answer, quarantinedRecord);
    return answer.body.data;
  }

  test("is empty where everything could be read", async () => {
    await ledger.play("balances-feed-use-cases");
    expect(await quarantined()).toEqual([]);
  });

  test("has what could not be read, with its reason", async () => {
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("weather.changed", { sky: "red" }));
    expect(await quarantined()).toMatchObject([
      {
        delivery_id: deliveryId,
        provider: "zerohash",
        channel: "webhook",
        payload_type: "weather.changed",
        received_at: "2026-01-01T00:00:00Z",
        attempts: 1,
        position: "3",
        resolved_position: null,
      },
    ]);
  });

  test("counts attempts, and tells what was resolved", async () => {
    const ids: string[] = [];
    for (const sky of ["red", "grey", "blue"]) {
      ids.push((await ledger.deliver(zeroHashWebhook("weather.changed", { sky }))).deliveryId);
    }
    const append = async (event: NewEvent) =>
      ledger.stream.append((await ledger.stream.head()).position, [event]);
    await append(quarantineRetried(ids[0] ?? "", { outcome: "unreadable", reason: "still so" }));
    await append(quarantineRetried(ids[1] ?? "", { outcome: "resolved" }));
    const [blue, red, grey] = await quarantined();
    expect(blue).toMatchObject({ delivery_id: ids[2], attempts: 1, resolved_position: null });
    expect(grey).toMatchObject({ delivery_id: ids[1], attempts: 2, resolved_position: "9" });
    expect(red).toMatchObject({ attempts: 2, reason: "still so", resolved_position: null });
    expect(await quarantined("open=true")).toEqual([blue, red]);
    expect(await quarantined("open=false")).toEqual([grey]);
    const first = await gateway.get("/v1/quarantine?open=true&limit=1");
    const cursor = first.body.next_cursor;
    expect(await quarantined(`open=true&limit=1&cursor=${cursor}`)).toEqual([red]);
    expectProblem(await gateway.get(`/v1/quarantine?cursor=${cursor}`), "invalid_cursor");
  });

  test("is narrowed by who sent it, which way, and what", async () => {
    const sent = ["weather.changed", "tide.changed", "moon.changed", "tide.changed"];
    for (const [at, type] of sent.entries()) {
      await ledger.deliver(zeroHashWebhook(type, { at }));
      await ledger.deliver(zeroHashWebhook("account_balance.changed", { at }));
    }
    const types = async (parameters: string) =>
      (await quarantined(parameters)).map(({ payload_type }) => payload_type);
    const all = await types("limit=100");
    const tides = all.filter((type) => type === "tide.changed");
    expect([all.length, tides.length]).toEqual([8, 2]);
    expect(await types("payload_type=tide.changed")).toEqual(tides);
    expect(await types("payload_type=moon.changed&payload_type=weather.changed")).toEqual([
      ...["moon.changed", "weather.changed"],
    ]);
    expect(await types("provider=zerohash&channel=webhook")).toEqual(all);
    expect(await types("provider=layer1")).toEqual([]);
    expect(await types("channel=feed")).toEqual([]);
    const first = await gateway.get("/v1/quarantine?payload_type=account_balance.changed&limit=1");
    const cursor = first.body.next_cursor;
    const others = await types(`payload_type=account_balance.changed&limit=100&cursor=${cursor}`);
    expect(["account_balance.changed", ...others]).toEqual(
      all.filter((type) => type === "account_balance.changed"),
    );
    expectProblem(await gateway.get(`/v1/quarantine?cursor=${cursor}`), "invalid_cursor");
  });
});
