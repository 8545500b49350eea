import type { DepositRecord, WithdrawalRecord } from "@counterfoil/contracts/record";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { lifecycleRecord } from "@counterfoil/processing/queries/lifecycle-record";
import { findRecord, listRecords } from "@counterfoil/processing/queries/lifecycles";
import { type LifecycleModel, stuckRule } from "@counterfoil/processing/queries/stuck";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ENGINES, type Engine, openTestLedger, type TestLedger } from "./support.ts";

/** Payloads that went wrong once, through a ledger: what its models say of them. */

const START = 1_746_000_000_000_000_000n;
const MINUTE = 60_000_000_000n;

let ledger: TestLedger;
afterEach(() => ledger.close());

type Webhook = Readonly<{ type: string; body: object; id?: string; provider?: "layer1" }>;

/** Hands over webhooks a minute apart, each under a notification id of its own. */
async function played(engine: Engine, webhooks: readonly Webhook[]): Promise<void> {
  ledger = await openTestLedger({ engine });
  for (const [at, { type, body, id, provider = "zerohash" }] of webhooks.entries()) {
    await ledger.submit({
      ...{ provider, channel: "webhook", payloadType: type, place: null, correlationId: null },
      notificationId: id ?? `n${at}`,
      verdict: { signature: "valid", scheme: "hmac-sha256", key: "1" },
      bytes: Buffer.from(JSON.stringify(body)),
      receivedAt: START + BigInt(at + 1) * MINUTE,
    });
  }
  await ledger.catchUp();
}

const rule = stuckRule(START, 86_400);

type Records = { withdrawals: WithdrawalRecord; deposits: DepositRecord };

const recordsOf = <Model extends keyof Records>(model: Model): Promise<Records[Model][]> =>
  ledger.read(model, async (rows) => {
    const found = await rows.select(RECORDS, { orderBy: ["id"], limit: 100 });
    const shown = found.map((row) => lifecycleRecord<Model>(rows, row, { stuck: null }));
    return (await Promise.all(shown)) as unknown as Records[Model][];
  });

const find = (model: LifecycleModel, id: string) =>
  ledger.read(model, (rows) => findRecord(rows, { model, id, rule }));

const openAnomalies = async (model: LifecycleModel): Promise<string[]> =>
  (await ledger.rows(model, ANOMALIES))
    .filter(({ closed_position }) => closed_position === null)
    .map(({ id }) => String(id))
    .sort();

type Movement = readonly [type: string, change: string, id: string, more?: object];

const HOLDER = { participant_code: "CUST01", account_group: "PLAT01", account_label: "general" };

/** One run on one account. */
function run(
  runId: string,
  minute: number,
  movements: readonly Movement[],
  account: Readonly<Record<string, string>> = {},
): Webhook {
  const at = Number(START / 1_000_000n) + minute * 60_000;
  return {
    type: "account_balance.changed",
    body: {
      ...{ ...HOLDER, account_type: "available", asset: "BTC", balance: "1" },
      ...{ run_id: runId, run_type: "withdrawal", timestamp: at, ...account },
      movements: movements.map(([movement_type, change, movement_id, more]) => ({
        ...{ movement_type, change, movement_id, movement_timestamp: at, ...more },
      })),
    },
  };
}

const payment = (status: string, minute: number, more: object = {}): Webhook => ({
  type: "payment_status_changed",
  body: {
    ...{ payment_id: "P", participant_code: "CUST01", asset: "BTC", status },
    ...{
      updated_at: new Date(Number(START / 1_000_000n) + minute * 60_000).toISOString(),
      ...more,
    },
  },
});

const TRANSFER = "018fef0aa7497aa2b1e8a3d94c36e0f7";
const ADDRESSES = ["8ce24a4373ec53c4a9b69e53f1f3a0c2", "d18a869f191944a09e5e784d7ca8f45a"];

const layer1 = (
  kind: "withdrawal" | "deposit",
  [status, minute, leg, address = 0]: readonly [string, number, string, number?],
  more: object = {},
): Webhook => ({
  type: "",
  provider: "layer1",
  body: {
    event: `layer1:digital:${kind}:status-change`,
    timestamp: new Date(Number(START / 1_000_000n) + minute * 60_000).toISOString(),
    data: {
      ...{ id: `${TRANSFER}${ADDRESSES[address]}${leg}`, status, asset: "ETH", amount: "1" },
      ...{ address: { address: `0x${address}`, network: "ETHEREUM" }, ...more },
    },
  },
});

const outline = (records: readonly (WithdrawalRecord | DepositRecord)[]) =>
  records.map(({ id, stage, link, amount }) => `${id} ${stage} ${link} ${amount}`);

describe.each(ENGINES)("withdrawals, on %s", (engine) => {
  test("a total in dollars is no amount in bitcoin", async () => {
    const sdk = { total: "200", quoted_currency: "USD", quantity: "" };
    await played(engine, [payment("submitted", 1, sdk), payment("settled", 2, sdk)]);
    expect(await recordsOf("withdrawals")).toMatchObject([
      { stage: "settled", amount: null, total: "200", quoted_currency: "USD" },
    ]);
    await ledger.close();
    await played(engine, [
      payment("submitted", 1, sdk),
      payment("settled", 2, { ...sdk, quantity: "0.004" }),
    ]);
    expect(await recordsOf("withdrawals")).toMatchObject([{ amount: "0.004", total: "200" }]);
  });

  test("a debit that is smaller than the hold, by its fee", async () => {
    await played(engine, [
      run("1", 1, [["withdrawal_pending", "-0.5", "p"]]),
      run("2", 2, [
        ["withdrawal_confirmed", "0.5", "c"],
        ["withdrawal", "-0.4999", "d"],
        ["network_fee", "-0.0001", "f"],
      ]),
    ]);
    expect(await recordsOf("withdrawals")).toMatchObject([
      {
        id: "movement:p",
        stage: "settled",
        link: "inferred",
        amount: "0.5",
        settled_amount: "0.4999",
      },
    ]);
  });

  test.each([
    ["without ids", {}],
    ["with ids", { withdrawal_request_id: "R" }],
  ])("a hold that is released, %s; then an equal one settles", async (_, named) => {
    await played(engine, [
      run("1", 1, [["withdrawal_pending", "-0.5", "p1", named]]),
      run("2", 2, [["withdrawal_pending", "0.5", "r1", named]]),
      run("3", 3, [["withdrawal_pending", "-0.5", "p2"]]),
      run("4", 4, [
        ["withdrawal_confirmed", "0.5", "c2"],
        ["withdrawal", "-0.5", "d2"],
      ]),
    ]);
    const first =
      "withdrawal_request_id" in named ? "R returned stated" : "movement:p1 returned inferred";
    expect(outline(await recordsOf("withdrawals"))).toEqual([
      `${first} 0.5`,
      "movement:p2 settled inferred 0.5",
    ]);
  });

  test("the owner and who is paid, found by both and by group", async () => {
    const obo = {
      participant_code: "PAYOR1",
      account_group: "PLAT01",
      account_label: "treasury",
    };
    await played(engine, [
      payment("posted", 1, {
        participant_code: "BENEF1",
        obo_participant: obo,
        payment_type: "payout",
      }),
    ]);
    const [record] = await recordsOf("withdrawals");
    expect(record).toMatchObject({ ...obo, beneficiary: "BENEF1" });
    const filters = [
      { participant_code: "PAYOR1" },
      { participant_code: "BENEF1" },
      { account_group: "PLAT01" },
    ];
    for (const filter of filters) {
      const page = { limit: 9, beyond: null };
      const query = { model: "withdrawals", filters: filter, page, rule } as const;
      const { data } = await ledger.read("withdrawals", (rows) =>
        listRecords(rows, { ...query, nextTurn: async () => {} }),
      );
      expect(data.map(({ id }) => id)).toEqual(["P"]);
    }
  });

  test("a transfer out of two addresses is one, of both amounts; a failed fee leg fails nothing", async () => {
    await played(engine, [
      layer1("withdrawal", ["CREATED", 1, "69", 0], { amount: "0.6" }),
      layer1("withdrawal", ["CREATED", 1, "69", 1], { amount: "0.4" }),
      layer1("withdrawal", ["FAILED", 2, "66", 0], { amount: "0.01" }),
      layer1("withdrawal", ["SUCCESS", 3, "69", 0], { amount: "0.6" }),
      layer1("withdrawal", ["SUCCESS", 3, "69", 1], { amount: "0.4" }),
    ]);
    expect(outline(await recordsOf("withdrawals"))).toEqual([`${TRANSFER} settled stated 1`]);
    expect(await openAnomalies("withdrawals")).toEqual([]);
  });

  test.each(["returned", "failed", "cancelled"])(
    "a payment that was %s is retried",
    async (end) => {
      const words = ["submitted", "pending", "posted", end, "retried", "posted", "settled"];
      const bank = (type: string) =>
        words.map((payment_status, at) => ({
          type: "payment_status_changed",
          body: {
            ...{ transaction_id: `T-${type}`, type, payment_status, amount: "250", asset: "USD" },
            ...{ participant_code: "CUST01", timestamp: 1_746_000_000_000 + at * 60_000 },
          },
        }));
      await played(engine, [...bank("credit"), ...bank("debit")]);
      expect(outline(await recordsOf("withdrawals"))).toEqual(["T-credit settled stated 250"]);
      expect(outline(await recordsOf("deposits"))).toEqual(["T-debit credited stated 250"]);
      for (const model of ["withdrawals", "deposits"] as const) {
        expect(await openAnomalies(model)).toEqual([]);
      }
    },
  );

  test("a payment without any time: the arrival counts, and each notification is a statement", async () => {
    const status = (payment_status: string, id?: string): Webhook => ({
      type: "payment_status_changed",
      body: { transaction_id: "T", type: "credit", payment_status, amount: "250" },
      ...(id === undefined ? {} : { id }),
    });
    await played(engine, [
      status("pending", "n-pending"),
      status("posted"),
      status("pending"),
      status("pending", "n-pending"),
    ]);
    const [record] = await recordsOf("withdrawals");
    expect(record?.history.map(({ provider_status }) => provider_status)).toEqual([
      ...["pending", "posted", "pending"],
    ]);
    expect(record).toMatchObject({ stage: "broadcast", opened_at: "2025-04-30T08:01:00Z" });
    const late = stuckRule(START + 1_000n * MINUTE, 60);
    const found = await ledger.read("withdrawals", (rows) =>
      findRecord(rows, { model: "withdrawals", id: "T", rule: late }),
    );
    expect(found).toMatchObject({ outcome: "found", record: { stuck: true } });
  });

  test("one that names its request waits for it; the one that names none is confirmed", async () => {
    await played(engine, [
      run("1", 1, [["withdrawal_pending", "-5", "p1", { withdrawal_request_id: "W1" }]]),
      run("2", 2, [["withdrawal_pending", "-5", "p2"]]),
      run("3", 3, [["withdrawal_pending", "-5", "p3", { withdrawal_request_id: "W3" }]]),
      run("4", 4, [
        ["withdrawal_confirmed", "5", "c"],
        ["withdrawal", "-5", "d"],
      ]),
    ]);
    expect(outline(await recordsOf("withdrawals"))).toEqual([
      ...["W1 pending stated 5", "W3 pending stated 5", "movement:p2 settled inferred 5"],
    ]);
  });

  test("a hold that comes late and is nearer undoes a link, and the history says so", async () => {
    await played(engine, [
      run("1", 0, [["withdrawal_pending", "-5", "p1"]]),
      run("3", 2, [
        ["withdrawal_confirmed", "5", "c"],
        ["withdrawal", "-5", "d"],
      ]),
      run("2", 1, [["withdrawal_pending", "-5", "p2"]]),
    ]);
    const [first, second] = await recordsOf("withdrawals");
    expect(second).toMatchObject({ id: "movement:p2", stage: "settled", link: "inferred" });
    expect(first).toMatchObject({ id: "movement:p1", stage: "pending", link: "stated" });
    expect(first?.history.map(({ source, provider_status }) => [source, provider_status])).toEqual([
      ["movement", "withdrawal_pending"],
      ["relink", "link undone: settled → pending"],
    ]);
  });

  test("one request id of two customers: two records, and a conflict", async () => {
    const other = { participant_code: "CUST02" };
    await played(engine, [
      run("1", 1, [["withdrawal_pending", "-5", "p1", { withdrawal_request_id: "R" }]]),
      run("2", 2, [["withdrawal_pending", "-5", "p2", { withdrawal_request_id: "R" }]], other),
    ]);
    const ids = ["R:CUST01:BTC", "R:CUST02:BTC"];
    expect((await recordsOf("withdrawals")).map(({ id }) => id)).toEqual(ids);
    expect(await openAnomalies("withdrawals")).toEqual(ids.map((id) => `id_conflict:${id}`));
    expect(await find("withdrawals", "R")).toEqual({ outcome: "ambiguous", candidates: ids });
  });

  test("the nil UUID is nobody's id", async () => {
    const nil = { withdrawal_request_id: "00000000-0000-0000-0000-000000000000" };
    await played(engine, [
      run("1", 1, [["withdrawal_pending", "-5", "p1", nil]]),
      run("2", 2, [["withdrawal_pending", "-6", "p2", nil]]),
    ]);
    expect((await recordsOf("withdrawals")).map(({ id }) => id)).toEqual([
      "movement:p1",
      "movement:p2",
    ]);
  });

  test("words, and one that nobody knows", async () => {
    await played(engine, [
      payment("crypto_settled", 1, { payment_id: "P1" }),
      payment("fiat_settled", 1, { payment_id: "P2" }),
      payment("evaporated", 1, { payment_id: "P3" }),
    ]);
    expect((await recordsOf("withdrawals")).map(({ stage }) => stage)).toEqual([
      ...["confirmed", "settled", "requested"],
    ]);
    expect(await openAnomalies("withdrawals")).toEqual(["unknown_word:P3:evaporated"]);
  });

  test("a fee that names the request stands in its history, before the request and after it", async () => {
    const fee = run("2", 2, [["network_fee", "-0.1", "f", { withdrawal_request_id: "R" }]], {
      participant_code: "PLAT01",
      asset: "ETH",
    });
    const hold = run("1", 1, [["withdrawal_pending", "-5", "p", { withdrawal_request_id: "R" }]]);
    for (const webhooks of [
      [hold, fee],
      [fee, hold],
    ]) {
      await played(engine, webhooks);
      const [record, ...others] = await recordsOf("withdrawals");
      expect(others).toEqual([]);
      expect(record?.history.map(({ provider_status }) => provider_status)).toEqual([
        ...["withdrawal_pending", "network_fee"],
      ]);
      expect(record).toMatchObject({ id: "R", stage: "pending", asset: "BTC", amount: "5" });
      if (webhooks[0] === hold) await ledger.close();
    }
  });
});

describe.each(ENGINES)("deposits, on %s", (engine) => {
  const deposit = { run_type: "deposit" };

  test("a session that expired late: the money is there, and is credited", async () => {
    const late: Webhook = {
      type: "deposit_fund_complete",
      body: {
        ...{
          fund_id: "F",
          participant_code: "CUST01",
          asset: "BTC",
          quantity: "0.2",
          success: false,
        },
        ...{ status_reason: "deposit session has expired.", transaction_id: "0xAB" },
        deposit_timestamp: "1746000060000000000",
      },
    };
    const booked = run("1", 5, [["deposit", "0.2", "m", { deposit_reference_id: "ab" }]], deposit);
    await played(engine, [late]);
    expect(outline(await recordsOf("deposits"))).toEqual(["fund:F detected stated 0.2"]);
    await ledger.close();
    await played(engine, [late, booked]);
    expect(outline(await recordsOf("deposits"))).toEqual(["movement:m credited stated 0.2"]);
  });

  test("one transaction to two of our addresses: two deposits", async () => {
    await played(engine, [
      layer1("deposit", ["SUCCESS", 1, "6f", 0]),
      layer1("deposit", ["REJECTED", 2, "6f", 1]),
    ]);
    const ids = ADDRESSES.map((address) => `${TRANSFER}:${address}`);
    expect(outline(await recordsOf("deposits"))).toEqual([
      ...[`${ids[0]} credited stated 1`, `${ids[1]} rejected stated 1`],
    ]);
    expect(await find("deposits", TRANSFER)).toEqual({ outcome: "ambiguous", candidates: ids });
  });

  test("what was credited is taken back by a movement of the same reference", async () => {
    const reference = { deposit_reference_id: "ach-1" };
    await played(engine, [
      run("1", 1, [["deposit", "100", "m1", reference]], { ...deposit, asset: "USD" }),
      run("2", 4_000, [["deposit", "-100", "m2", reference]], { ...deposit, asset: "USD" }),
    ]);
    expect(outline(await recordsOf("deposits"))).toEqual(["movement:m1 returned stated 100"]);
    for (const id of ["m1", "m2", "ach-1"]) {
      expect(await find("deposits", id)).toMatchObject({ record: { id: "movement:m1" } });
    }
  });

  test("states in capitals", async () => {
    const states = ["PENDING", "CONFIRMED", "COMPLETED", "QUARANTINED", "VANISHED"];
    await played(
      engine,
      states.map((state) => ({
        type: "deposit.status_changed",
        body: { deposit_id: state, state, participant_code: "CUST01", timestamp: 1_746_000_000 },
      })),
    );
    const stages = (await recordsOf("deposits")).map(({ id, stage }) => [id, stage]);
    expect(stages).toEqual([
      ["COMPLETED", "credited"],
      ["CONFIRMED", "confirmed"],
      ["PENDING", "unconfirmed"],
      ["QUARANTINED", "quarantined"],
      ["VANISHED", "detected"],
    ]);
    expect(await openAnomalies("deposits")).toEqual(["unknown_word:VANISHED:VANISHED"]);
  });
});
