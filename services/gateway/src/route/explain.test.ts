import { explanation } from "@counterfoil/contracts/audit";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

const AVAILABLE = "zerohash:DEF456:ABC123:general:available:BTC";

let gateway: TestGateway;
let ledger: TestLedger;

beforeEach(async () => {
  ledger = await createTestLedger();
  await ledger.play("balances-feed-use-cases");
  gateway = await createTestGateway(ledger);
});
afterEach(() => gateway.stop());

async function ask(path: string) {
  const { status, body } = await gateway.get(`/v1/explain/${path}`);
  expect([path, status, body.detail]).toEqual([path, 200, undefined]);
  return explanation.parse(body);
}

const balance = (query = "") => ask(`balance/${AVAILABLE}${query}`);

describe("why the documented account says 0.35", () => {
  test("the last run decides, and says when it counts and why", async () => {
    const { kind, id, position, shown, facts } = await balance();
    expect({ kind, id, position }).toEqual({ kind: "balance", id: AVAILABLE, position: "25" });
    expect(shown).toMatchObject({ balance: "0.35", status: "continuous", position: "25" });
    expect(facts[0]).toEqual({
      event_id: expect.any(String),
      position: "25",
      type: "BalanceReported",
      role: "decides",
      sentence:
        "run 85693 states a balance of 0.35; it is dated a week before the frame before it on the same socket; it counts as of then; it connects with what was there before, 0.35; without it the last run would be 94087",
      delivery_ids: [expect.any(String)],
    });
  });

  test("its movements confirm: without one of them money would be missing", async () => {
    const { facts } = await balance();
    const confirming = facts.filter(({ role }) => role === "confirms");
    expect(confirming.map(({ sentence }) => sentence.split("; without ")[1])).toEqual([
      "it 0.1 would be missing between 94087 and 85693",
      "it -0.1 would be missing between 94087 and 85693",
    ]);
  });

  test("the arithmetic stands line by line", async () => {
    const { arithmetic } = await balance();
    expect(arithmetic.map(({ line }) => line)).toEqual([
      "run 85693: 0.35 + 0 = 0.35",
      "run 94087: 0.45 − 0.1 = 0.35",
      "run 94077: 0.25 + 0.2 = 0.45",
    ]);
  });

  test("each delivery stands with its channel, its verdict and the digest of its bytes", async () => {
    const { deliveries, facts } = await balance();
    expect(new Set(facts.flatMap(({ delivery_ids }) => delivery_ids))).toEqual(
      new Set(deliveries.map(({ id }) => id)),
    );
    for (const { id, channel, signature, body_sha256, body } of deliveries) {
      expect({ channel, signature, body }).toEqual({
        ...{ channel: "feed", signature: "none", body: "kept" },
      });
      const { body: delivery } = await gateway.get(`/v1/deliveries/${id}`);
      expect(delivery.data.received.data.sha256).toBe(body_sha256);
    }
  });

  test("pages hold so many facts, and together all of them", async () => {
    const whole = await balance();
    const paged: unknown[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await balance(`?limit=1${cursor && `&cursor=${cursor}`}`);
      expect(page.facts.length).toBeLessThanOrEqual(1);
      paged.push(...page.facts);
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(whole.facts);
  });

  test("the provider's id and `account` find it too", async () => {
    const { facts } = await balance();
    const other = await ask("account/009bbe95-256b-423e-913f-139684017032");
    expect(other).toMatchObject({ kind: "balance", id: AVAILABLE, facts });
  });
});

describe("as of another moment", () => {
  test("a position: by the facts up to there alone", async () => {
    const { shown, position, facts } = await balance("?at_position=10");
    expect(position).toBe("10");
    expect(shown).toMatchObject({ balance: "0.45", last_run_id: "94077", position: "10" });
    expect(facts.map((fact) => fact.position).sort()).toEqual(["10", "5", "9"]);
    expect(facts[0]?.sentence).toMatch(/without it the balance would be 0.25$/);
  });

  test("a provider's time, also by the facts up to a position", async () => {
    const at = "as_of=2021-11-29T12:20:00Z";
    const { shown, facts } = await balance(`?${at}`);
    expect(shown).toMatchObject({ balance: "0.45", last_run_id: "94077" });
    expect(facts.map((fact) => fact.position)).toEqual(["10", "9", "5"]);
    const unknown = `/v1/explain/balance/${AVAILABLE}?${at}&at_position=5`;
    expectProblem(await gateway.get(unknown), "not_found");
  });

  test("a time of recording", async () => {
    const { shown } = await balance("?known_at=2026-01-01T00:00:00.001Z");
    expect(shown).toMatchObject({ balance: "0.45" });
  });

  test("a withdrawal, while money was only held", async () => {
    const { id } = (await gateway.get("/v1/withdrawals")).body.data[0];
    const { body: then } = await gateway.get(`/v1/withdrawals/${id}?at_position=18`);
    const { shown, position, facts } = await ask(`withdrawal/${id}?at_position=18`);
    expect(position).toBe("18");
    expect(shown).toMatchObject({ stage: "pending", settled_amount: null });
    expect(shown?.stage).toBe(then.data.stage);
    for (const fact of facts) expect(Number(fact.position)).toBeLessThanOrEqual(18);
    expect(facts.map(({ role }) => role)).toContain("decides");
  });

  test("a withdrawal as of a provider's time, by all facts", async () => {
    const { id, history } = (await gateway.get("/v1/withdrawals")).body.data[0];
    const { shown, facts } = await ask(`withdrawal/${id}?as_of=${history[0].effective_at}`);
    expect(shown).toMatchObject({ stage: "pending" });
    const positions = facts.map((fact) => fact.position);
    expect(positions).toEqual(["20", "16", "24", "23", "13"]);
    // What was recorded after the first statement of that moment counts too.
    expect(history[0].position).toBe("13");
  });

  test("a run, where nobody had confirmed it yet", async () => {
    const { shown, facts } = await ask("run/94087?at_position=18");
    expect(shown).toMatchObject({ run_id: "94087" });
    for (const fact of facts) expect(Number(fact.position)).toBeLessThanOrEqual(18);
    const { body } = await gateway.get("/v1/explain/run/85693?at_position=3");
    expect(body.code).toBe("not_found");
  });

  test("an entry and an anomaly", async () => {
    const { facts } = await balance("?at_position=18");
    const { shown } = await ask(`entry/${facts[0]?.event_id}?at_position=18`);
    expect(shown).toMatchObject({ kind: "run" });
    const later = (await balance()).facts[0]?.event_id;
    const { body } = await gateway.get(`/v1/explain/entry/${later}?at_position=18`);
    expect(body.code).toBe("not_found");
    const listed = await gateway.get(`/v1/anomalies?kind=clock&subject=${AVAILABLE}`);
    const { id, opened_position } = listed.body.data[0];
    const path = `anomaly/${encodeURIComponent(id)}?at_position`;
    expect((await ask(`${path}=${opened_position}`)).shown).toMatchObject({ id });
    const before = await gateway.get(`/v1/explain/${path}=${Number(opened_position) - 1}`);
    expect(before.body.code).toBe("not_found");
    const one = `/v1/anomalies/${encodeURIComponent(id)}?at_position`;
    const at = await gateway.get(`${one}=${opened_position}`);
    expect(at.body).toMatchObject({ data: { id }, position: opened_position });
    expect((await gateway.get(`${one}=${Number(opened_position) - 1}`)).status).toBe(404);
  });

  test.each([
    ["balance", `${AVAILABLE}?at_position=3&known_at=2026-01-01T00:00:00Z`],
    ["run", "85693?as_of=2026-01-01T00:00:00Z"],
    ["anomaly", "x?as_of=2026-01-01T00:00:00Z"],
  ])("what cannot be told of %s is refused", async (kind, rest) => {
    const { status, body } = await gateway.get(`/v1/explain/${kind}/${rest}`);
    expect([status, body.code]).toEqual([422, "unsupported_combination"]);
  });
});

describe("other kinds", () => {
  test("an entry, by the event of its report", async () => {
    const { facts } = await balance();
    const { kind, shown, arithmetic, ...entry } = await ask(`entry/${facts[0]?.event_id}`);
    expect({ kind, shown }).toMatchObject({ kind: "entry", shown: { run_id: "85693" } });
    expect(entry.facts.map(({ position }) => position)).toEqual(["25", "23", "24"]);
    expect(arithmetic.map(({ line }) => line)).toEqual(["run 85693: 0.35 + 0 = 0.35"]);
  });

  test("a run, on all of its accounts", async () => {
    const { shown, facts } = await ask("run/85693");
    expect(shown).toMatchObject({ run_id: "85693", provider: "zerohash" });
    expect(facts.map(({ type }) => type).sort()).toEqual([
      "BalanceReported",
      "BalanceReported",
      "MovementRecorded",
      "MovementRecorded",
      "MovementRecorded",
      "RunRecorded",
    ]);
  });

  test("a withdrawal, word by word", async () => {
    const { body } = await gateway.get("/v1/withdrawals");
    const { id } = body.data[0];
    const { shown, facts } = await ask(`withdrawal/${id}`);
    expect(shown).toMatchObject({ id, stage: "settled", amount: "0.1" });
    const said = facts.map(({ sentence }) => sentence).join("\n");
    expect(said).toContain('movement "withdrawal_pending" brings the stage pending');
    expect(said).toContain("brings the stage settled");
  });

  test("an anomaly, by the facts that it is about", async () => {
    const { body } = await gateway.get(`/v1/anomalies?kind=clock&subject=${AVAILABLE}`);
    const { id } = body.data[0];
    const { shown, facts } = await ask(`anomaly/${encodeURIComponent(id)}`);
    expect(shown).toMatchObject({ id, kind: "clock", subject: AVAILABLE });
    const because = facts.map(({ type, sentence }) => `${type}: ${sentence.split("; ").at(-1)}`);
    expect(because).toEqual([
      "BalanceReported: without it the anomaly would be closed",
      "MovementRecorded: without it nothing that is shown here would change",
      "MovementRecorded: without it the printed time would be 2021-11-22T21:37:14.546139Z",
    ]);
  });

  test.each([
    ["balance/nobody", "not_found"],
    ["entry/nothing", "not_found"],
    ["run/1", "not_found"],
    ["trade/x", "not_found"],
    ["anomaly/x", "not_found"],
    ["deposits/x", "not_found"],
    [`balance/${AVAILABLE}?limit=101`, "invalid_query"],
    [`balance/${AVAILABLE}?cursor=abc`, "invalid_cursor"],
  ])("%s is answered %s", async (path, code) => {
    const { body } = await gateway.get(`/v1/explain/${path}`);
    expect(body.code).toBe(code);
  });
});
