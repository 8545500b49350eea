import { describe, expect, test } from "@jest/globals";
import { SCENARIOS } from "../play-deliveries.ts";
import type { Scenario, ScenarioStep } from "./scenario.ts";

type Json = Readonly<Record<string, unknown>>;

const bodyOf = (step: ScenarioStep): string => ("text" in step ? step.text : step.body);
const jsonOf = (step: ScenarioStep): Json => JSON.parse(bodyOf(step));

function scenario(name: string): Scenario {
  const found = SCENARIOS.get(name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}

/** The object under a key of a body: `body` on the feed, `data` at Layer1. */
function inner(json: Json | undefined, key: "body" | "data"): Json {
  return json?.[key] as Json;
}

function bodiesOf(name: string): Json[] {
  return scenario(name).steps.map(jsonOf);
}

describe("scenarios", () => {
  test.each([...SCENARIOS.values()])("$name: every step is a JSON object", ({ name, steps }) => {
    expect(SCENARIOS.get(name)?.steps).toBe(steps);
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect(typeof jsonOf(step)).toBe("object");
  });

  test("use cases: the printed values, the account id of 37 characters, the older confirmation", () => {
    const [snapshot, ...updates] = bodiesOf("balances-feed-use-cases").map((each) =>
      inner(each, "body"),
    );
    expect((snapshot as unknown as Json[]).map((each) => each.balance)).toEqual(["100000", ".25"]);
    const rows = updates.map((update) => [
      update.run_id,
      update.account_type,
      update.balance,
      String(update.account_id).length,
    ]);
    expect(rows).toEqual([
      [94077, "available", "0.45", 36],
      [94087, "available", "0.35", 36],
      [94087, "collateral", "0.1", 36],
      [85693, "collateral", "0", 37],
      [85693, "available", "0.35", 36],
    ]);
  });

  test("the generic examples contradict the use cases: one run, another balance", () => {
    const body = inner(bodiesOf("balances-feed-generic")[1], "body");
    expect(body).toMatchObject({ run_id: 85693, balance: "0.00131" });
  });

  test("balance webhooks: run ids as texts, one time in seconds, keys in order", () => {
    const bodies = bodiesOf("account-balance-webhooks");
    expect(bodies.map((each) => each.run_id)).toEqual(["4149614", "4150535", "4150531", "4150532"]);
    expect(bodies.map((each) => String(each.timestamp).length)).toEqual([10, 13, 13, 13]);
    for (const body of bodies) expect(Object.keys(body)).toEqual(Object.keys(body).toSorted());
  });

  test("fund: success together with a reason for failure", () => {
    const [fund] = bodiesOf("fund-transaction");
    expect(fund).toMatchObject({ success: true, fund_timestamp: 1550174574 });
    expect(fund?.status_reason).toContain("has not been converted");
  });

  test("trade: both spellings of the type, three states, a price that no float can hold", () => {
    const { steps } = scenario("trade-status");
    const types = steps.map((step) => ("payloadType" in step ? step.payloadType : ""));
    expect(new Set(types)).toEqual(new Set(["trade.status_changed", "trade_status_changed"]));
    const bodies = steps.map(jsonOf);
    expect(bodies.map((each) => each.trade_state)).toEqual(["accepted", "active", "terminated"]);
    expect(bodies[0]).toMatchObject({ contract_size: "1", trade_price: "81531.3718539524991138" });
    expect(String(Number(bodies[0]?.trade_price))).not.toBe(bodies[0]?.trade_price);
  });

  test("deposit: times in seconds that rise", () => {
    const times = bodiesOf("deposit-status").map((each) => Number(each.timestamp));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.max(...times)).toBeLessThan(10_000_000_000);
  });

  test("payments: equal times in the crypto shape, settled and then returned in the other", () => {
    for (const body of bodiesOf("payment-crypto")) expect(body.created_at).toBe(body.updated_at);
    expect(bodiesOf("payment-bank").map((each) => each.payment_status)).toEqual([
      ...["submitted", "pending", "posted", "settled", "returned"],
    ]);
  });

  test.each(["layer1-deposit", "layer1-withdrawal"])("%s: envelope times rise", (name) => {
    const times = bodiesOf(name).map((each) => String(each.timestamp));
    expect(times).toEqual(times.toSorted());
  });

  test("Layer1 deposit: the balance is available before the deposit is a success", () => {
    const words = bodiesOf("layer1-deposit").map((each) => inner(each, "data").status ?? "balance");
    expect(words).toEqual([
      ...["DETECTED", "UNCONFIRMED", "CONFIRMED", "balance"],
      ...["SCREENING_REQUESTED", "balance", "SUCCESS"],
    ]);
  });

  test("Layer1 withdrawal: an amount leg and a fee leg for each status, three spellings", () => {
    const bodies = bodiesOf("layer1-withdrawal");
    const legs = bodies.filter((each) => String(each.event).includes("withdrawal"));
    const ids = new Set(legs.map((each) => String(inner(each, "data").id)));
    expect([...ids].map((id) => [id.length, id.slice(-2)])).toEqual([
      [66, "69"],
      [66, "66"],
    ]);
    expect(new Set([...ids].map((id) => id.slice(0, 32))).size).toBe(1);
    expect(new Set(legs.map((each) => each.event)).size).toBe(3);
    expect(legs).toHaveLength(18);
  });
});
