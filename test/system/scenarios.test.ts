import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { ACCOUNTS, ENTRIES } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { lifecycleRecord } from "@counterfoil/processing/queries/lifecycle-record";
import { readQuarantine } from "@counterfoil/processing/queries/quarantine";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, playScenario } from "./messages.ts";
import {
  ENGINES,
  expectRebuilt,
  hashing,
  LEDGER,
  openTestLedger,
  type TestLedger,
} from "./support.ts";

/** After everything that the pages print. */
const TODAY = 1_790_000_000_000_000_000n;

async function played(name: string, engine: (typeof ENGINES)[number] = "memory") {
  const ledger = await openTestLedger({ engine });
  ledger.clock.set(TODAY);
  const receipts = await playScenario(ledger, name);
  expect(receipts.map(({ outcome }) => outcome)).toEqual(receipts.map(() => "recorded"));
  await ledger.catchUp();
  return ledger;
}

async function records(ledger: TestLedger, model: "withdrawals" | "deposits" | "trades") {
  return ledger.read(model, async (rows) => {
    const found = await rows.select(RECORDS, { orderBy: ["id"], limit: 1000 });
    return Promise.all(found.map((row) => lifecycleRecord<"deposits">(rows, row, { stuck: null })));
  });
}

async function openAnomalies(ledger: TestLedger): Promise<readonly string[]> {
  const found: string[] = [];
  for (const model of MODEL_NAMES) {
    const rows = await ledger.rows(model, ANOMALIES);
    for (const { kind, subject, closed_position } of rows) {
      if (closed_position === null) found.push(`${kind} ${subject}`);
    }
  }
  return found.sort();
}

const balances = async (ledger: TestLedger) =>
  Object.fromEntries(
    (await ledger.rows("balances", ACCOUNTS)).map(({ id, balance }) => [id, balance]),
  );

describe("every documented flow", () => {
  test.each([...SCENARIOS.keys()])("%s: rebuilds, verifies, repeats nothing", async (name) => {
    const ledger = await played(name, "sqlite");
    await expectRebuilt(ledger);
    const verified = await verifyStream({
      stream: ledger.stream,
      ledger: LEDGER,
      hashing,
      bodies: true,
    });
    expect(verified.findings).toEqual([]);
    const reading = { translations: TRANSLATIONS, hashing };
    expect(await Array.fromAsync(readQuarantine(ledger.stream, reading))).toEqual([]);
    await ledger.close();
  });
});

describe("the use cases of the Balances Feed", () => {
  test.each(ENGINES)("end as the page says, on %s", async (engine) => {
    const ledger = await played("balances-feed-use-cases", engine);
    expect(await balances(ledger)).toEqual({
      "zerohash:ABC123:ABC123:general:available:USD": "100000",
      [ACCOUNT_ID]: "0.35",
      "zerohash:DEF456:ABC123:general:collateral:BTC": "0",
    });
    expect(await records(ledger, "deposits")).toMatchObject([{ stage: "credited", amount: "0.2" }]);
    expect(await records(ledger, "withdrawals")).toMatchObject([
      { stage: "settled", amount: "0.1", link: "inferred" },
    ]);
    expect(await openAnomalies(ledger)).toEqual([
      "account_id_conflict zerohash:DEF456:ABC123:general:collateral:BTC",
      "clock zerohash:DEF456:ABC123:general:available:BTC",
      "clock zerohash:DEF456:ABC123:general:collateral:BTC",
    ]);
    const entries = await ledger.rows("balances", ENTRIES);
    const told = entries
      .filter(({ account }) => account === ACCOUNT_ID)
      .sort(
        (a, b) =>
          Number((a.placed_at as bigint) - (b.placed_at as bigint)) ||
          Number(a.rank) - Number(b.rank),
      )
      .map(({ run_id, change, balance, missing }) => [run_id, change, balance, missing]);
    expect(told).toEqual([
      ["94077", "0.2", "0.45", null],
      ["94087", "-0.1", "0.35", null],
      ["85693", "0", "0.35", null],
    ]);
    await ledger.close();
  });

  test("over webhooks alone nothing stands in the way of the provider's dates", async () => {
    const ledger = await played("balances-feed-generic");
    expect((await balances(ledger))[ACCOUNT_ID]).toBe("0.00131");
    await ledger.close();
  });
});

describe("the other flows of the documentation", () => {
  test("balance webhooks of four accounts", async () => {
    const ledger = await played("account-balance-webhooks");
    expect(Object.values(await balances(ledger)).sort()).toEqual(["0.00015102", "0.01", "10", "5"]);
    expect(await records(ledger, "withdrawals")).toMatchObject([
      { id: "44b23087-8845-4667-9fa8-03b7055dba6b", stage: "pending", amount: "0.01" },
    ]);
    expect(await openAnomalies(ledger)).toEqual([]);
    await ledger.close();
  });

  test("a deposit from the first sight on chain to the credit", async () => {
    const ledger = await played("deposit-status");
    const [deposit, ...others] = await records(ledger, "deposits");
    expect(others).toEqual([]);
    expect(deposit).toMatchObject({ stage: "credited", amount: "1.25", asset: "ETH" });
    expect(deposit?.history.map(({ stage }) => stage)).toEqual([
      "detected",
      "confirmed",
      "screening",
      null,
      "credited",
    ]);
    await ledger.close();
  });

  test("a deposit that was converted", async () => {
    const ledger = await played("fund-transaction");
    expect(await records(ledger, "deposits")).toMatchObject([
      { id: "fund:5155f7c9-95cb-4556-ab89-c178943a7111", stage: "credited", amount: "500" },
    ]);
    await ledger.close();
  });

  test("a trade, a payout and a debit that came back", async () => {
    const trade = await played("trade-status");
    expect(await records(trade, "trades")).toMatchObject([{ stage: "terminated" }]);
    const payout = await played("payment-crypto");
    expect(await records(payout, "withdrawals")).toMatchObject([
      { id: "44b23087-8845-4667-9fa8-03b7055dba6b", stage: "settled", amount: "25.5" },
    ]);
    const debit = await played("payment-bank");
    expect(await records(debit, "withdrawals")).toEqual([]);
    expect(await records(debit, "deposits")).toMatchObject([
      { stage: "returned", amount: "250", reason_code: "R01" },
    ]);
    for (const ledger of [trade, payout, debit]) await ledger.close();
  });

  test("Layer1: a deposit with five statuses and three balances", async () => {
    const ledger = await played("layer1-deposit");
    const [deposit, ...others] = await records(ledger, "deposits");
    expect(others).toEqual([]);
    expect(deposit).toMatchObject({ stage: "credited", amount: "0.2", asset: "ETH" });
    expect(deposit?.history).toHaveLength(5);
    const address = "0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9";
    expect(await balances(ledger)).toEqual({
      [`layer1:${address}:ETH:available`]: "0.2",
      [`layer1:${address}:ETH:blockchain`]: "0.2",
      [`layer1:${address}:ETH:reserved`]: "0",
    });
    expect(await openAnomalies(ledger)).toEqual([]);
    await ledger.close();
  });

  test("Layer1: a withdrawal whose amount and fee are legs of one transfer", async () => {
    const ledger = await played("layer1-withdrawal");
    expect(await records(ledger, "withdrawals")).toMatchObject([
      { stage: "settled", amount: "0.001", fee: "0.000105341250681" },
    ]);
    await ledger.close();
  });
});
