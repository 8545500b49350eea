import type { DepositRecord, WithdrawalRecord } from "@counterfoil/contracts/record";
import { NOW } from "@counterfoil/processing/queries/moment";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type LifecycleLedger, START, type Webhook } from "./lifecycle-ledger.ts";
import { expectRebuilt } from "./support.ts";

/**
 * Payloads of withdrawals and deposits that went wrong once, and what is shown of them. They hold
 * on every engine.
 */
type LifecycleCase = (played: Played) => Promise<void>;
type LifecycleCases = Readonly<Record<string, LifecycleCase>>;

/** A new ledger that was handed these webhooks. */
type Played = (webhooks: readonly Webhook[]) => Promise<LifecycleLedger>;

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

const OF_R = { withdrawal_request_id: "R" };
const PAYS_R = { payment_details: OF_R };
const HELD = run("1", 1, [["withdrawal_pending", "-10", "p1", OF_R]]);
const ended = (status: string, minute: number) => payment(status, minute, PAYS_R);
const givenBack = (minute: number) =>
  run(`${minute}`, minute, [["withdrawal_pending", "10", `r${minute}`, OF_R]]);
const taken = (minute: number) =>
  run(`${minute}`, minute, [
    ["withdrawal_confirmed", "10", `c${minute}`, OF_R],
    ["withdrawal", "-10", `d${minute}`, OF_R],
  ]);
const refunded = (minute: number) =>
  run(`${minute}`, minute, [["withdrawal", "10", `b${minute}`, OF_R]]);

const NOBODY = { records: [], anomalies: [], counts: [] };
const AT_LAST = 1_000;

/** An end that a status states, and then the movement that it lacks. */
const endsAgainst =
  (stage: string, told: readonly Webhook[], lacking: readonly Webhook[]): LifecycleCase =>
  async (played) => {
    const waiting = await played(told);
    const [record] = await waiting.records("withdrawals");
    expect(record).toMatchObject({ id: "R", stage });
    expect(await waiting.openAnomalies("withdrawals")).toEqual([]);
    expect(await waiting.stuck("withdrawals", told.length)).toEqual(NOBODY);
    const stuck = {
      records: ["R true"],
      anomalies: [`stuck:R:${stage}`],
      counts: [`${stage} 1 1`],
    };
    expect(await waiting.stuck("withdrawals", AT_LAST)).toEqual(stuck);
    const done = await played([...told, ...lacking]);
    expect(await done.stuck("withdrawals", AT_LAST)).toEqual(NOBODY);
    const then = { at_position: Number(record?.position) };
    for (const [moment, isStuck] of [
      [then, true],
      [NOW, false],
    ] as const) {
      const found = await done.find("withdrawals", "R", AT_LAST, moment);
      expect(found).toMatchObject({ record: { stuck: isStuck } });
    }
  };

const heldAgain = (minute: number) =>
  run(`${minute}`, minute, [["withdrawal_pending", "-10", `p${minute}`, OF_R]]);

/** A movement that contradicts an end, some time after it: what lasts is wrong, and this is new. */
const holdsAgain =
  (...told: readonly Webhook[]): LifecycleCase =>
  async (played) => {
    const now = told.length + 1;
    const ledger = await played([...told, heldAgain(now)]);
    expect(await ledger.stuck("withdrawals", now)).toEqual(NOBODY);
    expect((await ledger.stuck("withdrawals", AT_LAST)).records).toEqual(["R true"]);
  };

const released =
  (named: object): LifecycleCase =>
  async (played) => {
    const ledger = await played([
      run("1", 1, [["withdrawal_pending", "-0.5", "p1", named]]),
      run("2", 2, [["withdrawal_pending", "0.5", "r1", named]]),
      run("3", 3, [["withdrawal_pending", "-0.5", "p2"]]),
      run("4", 4, [
        ["withdrawal_confirmed", "0.5", "c2"],
        ["withdrawal", "-0.5", "d2"],
      ]),
    ]);
    const isNamed = "withdrawal_request_id" in named;
    const first = isNamed ? "R returned stated" : "movement:p1 returned inferred";
    expect(outline(await ledger.records("withdrawals"))).toEqual([
      `${first} 0.5`,
      "movement:p2 settled inferred 0.5",
    ]);
  };

const retried =
  (end: string): LifecycleCase =>
  async (played) => {
    const words = ["submitted", "pending", "posted", end, "retried", "posted", "settled"];
    const bank = (type: string) =>
      words.map((payment_status, at) => ({
        type: "payment_status_changed",
        body: {
          ...{ transaction_id: `T-${type}`, type, payment_status, amount: "250", asset: "USD" },
          ...{ participant_code: "CUST01", timestamp: 1_746_000_000_000 + at * 60_000 },
        },
      }));
    const ledger = await played([...bank("credit"), ...bank("debit")]);
    expect(outline(await ledger.records("withdrawals"))).toEqual(["T-credit settled stated 250"]);
    expect(outline(await ledger.records("deposits"))).toEqual(["T-debit credited stated 250"]);
    for (const model of ["withdrawals", "deposits"] as const) {
      expect(await ledger.openAnomalies(model)).toEqual([]);
    }
  };

/** As the provider prints a bank payment: no time, so that its notification tells it from a repeat. */
const undated = (payment_status: string, id: string): Webhook => ({
  type: "payment_status_changed",
  body: { transaction_id: "T", type: "credit", payment_status, amount: "250" },
  id,
});

async function wordsOf(ledger: LifecycleLedger) {
  const [record] = await ledger.records("withdrawals");
  return record?.history.map(({ provider_status }) => provider_status);
}

const WITHDRAWALS: LifecycleCases = {
  "a total in dollars is no amount in bitcoin": async (played) => {
    const sdk = { total: "200", quoted_currency: "USD", quantity: "" };
    const without = await played([payment("submitted", 1, sdk), payment("settled", 2, sdk)]);
    expect(await without.records("withdrawals")).toMatchObject([
      { stage: "settled", amount: null, total: "200", quoted_currency: "USD" },
    ]);
    const ledger = await played([
      payment("submitted", 1, sdk),
      payment("settled", 2, { ...sdk, quantity: "0.004" }),
    ]);
    expect(await ledger.records("withdrawals")).toMatchObject([{ amount: "0.004", total: "200" }]);
  },

  "the hold is taken in parts": async (played) => {
    const named = { withdrawal_request_id: "R" };
    const part = (runId: string, minute: number, amount: string) =>
      run(runId, minute, [
        ["withdrawal_confirmed", amount, `c${runId}`, named],
        ["withdrawal", `-${amount}`, `d${runId}`, named],
      ]);
    const told = [run("1", 1, [["withdrawal_pending", "-10", "p", named]]), part("2", 2, "4")];
    const open = await played(told);
    expect(await open.records("withdrawals")).toMatchObject([
      { stage: "confirmed", amount: "10", settled_amount: "4" },
    ]);
    const ledger = await played([...told, part("3", 3, "6")]);
    expect(await ledger.records("withdrawals")).toMatchObject([
      { stage: "settled", amount: "10", settled_amount: "10" },
    ]);
  },

  "failed, and the hold is not released": endsAgainst(
    "failed",
    [HELD, ended("failed", 2)],
    [givenBack(3)],
  ),
  "cancelled, and the hold is not released": endsAgainst(
    "rejected",
    [HELD, ended("cancelled", 2)],
    [givenBack(3)],
  ),
  "returned, and the debit is not refunded": endsAgainst(
    "returned",
    [HELD, taken(2), ended("returned", 3)],
    [refunded(4)],
  ),
  "settled, and the hold is not taken": endsAgainst(
    "settled",
    [HELD, ended("settled", 2)],
    [taken(3)],
  ),
  "settled, and the hold came back": endsAgainst(
    "returned",
    [HELD, ended("settled", 2), givenBack(3)],
    [run("4", 4, [["withdrawal_pending", "-10", "p4", OF_R]]), taken(5)],
  ),
  "failed and released, and held again later": holdsAgain(
    ...[HELD, ended("failed", 2), givenBack(3)],
  ),
  "settled and refunded, and held again later": holdsAgain(
    ...[HELD, ended("settled", 2), taken(3), refunded(4)],
  ),
  "settled, and held again later": holdsAgain(HELD, taken(2), ended("settled", 3)),
  "ends whose movements agree with them are not stuck": async (played) => {
    const agreeing: Readonly<Record<string, readonly Webhook[]>> = {
      settled: [HELD, ended("settled", 2), taken(3)],
      returned: [HELD, ended("failed", 2), givenBack(3), ended("returned", 4)],
      refunded: [HELD, taken(2), ended("settled", 3), refunded(4)],
      without: [ended("failed", 1)],
    };
    for (const told of Object.values(agreeing)) {
      const ledger = await played(told);
      expect(await ledger.stuck("withdrawals", AT_LAST)).toEqual(NOBODY);
    }
  },

  "a payment of more than was held is told, unless its fee may explain it": async (played) => {
    const sent = (quantity: string, network_fee_asset: string, more: object = {}) =>
      payment("posted", 2, {
        quantity,
        payment_details: { ...OF_R, network_fee_asset, network_fee_quantity: "0.02" },
        ...more,
      });
    const told = async (...webhooks: readonly Webhook[]) =>
      (await played(webhooks)).openAnomalies("withdrawals");
    expect(await told(HELD, sent("25.5", "USD"))).toEqual(["contradiction:R:sent"]);
    expect(await told(sent("25.5", "USD"), HELD)).toEqual(["contradiction:R:sent"]);
    expect(await told(HELD, sent("10", "USD"), taken(3))).toEqual([]);
    expect(await told(HELD, sent("9.9", "USD"))).toEqual([]);
    // The fee may be held beside it, and what is not held yet says nothing.
    expect(await told(HELD, sent("10.02", "BTC"))).toEqual([]);
    expect(await told(HELD, payment("posted", 2, { quantity: "11", ...PAYS_R }))).toEqual([]);
    expect(await told(sent("25.5", "USD"))).toEqual([]);
    // Nothing says in which asset the payment is.
    expect(await told(HELD, sent("25.5", "USD", { asset: "" }))).toEqual([]);
  },

  "two debits for one hold are told": async (played) => {
    const named = { withdrawal_request_id: "R" };
    const ledger = await played([
      run("1", 1, [["withdrawal_pending", "-10", "p", named]]),
      run("2", 2, [["withdrawal", "-10", "d1", named]]),
      run("3", 3, [["withdrawal", "-10", "d2", named]]),
    ]);
    expect(await ledger.records("withdrawals")).toMatchObject([
      { stage: "settled", amount: "10", settled_amount: "20" },
    ]);
    expect(await ledger.openAnomalies("withdrawals")).toEqual(["contradiction:R:debited"]);
  },

  "a debit that is smaller than the hold, by its fee": async (played) => {
    const ledger = await played([
      run("1", 1, [["withdrawal_pending", "-0.5", "p"]]),
      run("2", 2, [
        ["withdrawal_confirmed", "0.5", "c"],
        ["withdrawal", "-0.4999", "d"],
        ["network_fee", "-0.0001", "f"],
      ]),
    ]);
    expect(await ledger.records("withdrawals")).toMatchObject([
      {
        id: "movement:p",
        stage: "settled",
        link: "inferred",
        amount: "0.5",
        settled_amount: "0.4999",
      },
    ]);
  },

  "a hold that is released, without ids; then an equal one settles": released({}),
  "a hold that is released, with ids; then an equal one settles": released({
    withdrawal_request_id: "R",
  }),
  "the owner and who is paid, found by both and by group": async (played) => {
    const obo = {
      participant_code: "PAYOR1",
      account_group: "PLAT01",
      account_label: "treasury",
    };
    const ledger = await played([
      payment("posted", 1, {
        participant_code: "BENEF1",
        obo_participant: obo,
        payment_type: "payout",
      }),
    ]);
    const [record] = await ledger.records("withdrawals");
    expect(record).toMatchObject({ ...obo, beneficiary: "BENEF1" });
    const filters = [
      { participant_code: ["PAYOR1"] },
      { participant_code: ["BENEF1"] },
      { account_group: ["PLAT01"] },
    ];
    for (const filter of filters) {
      expect(await ledger.list("withdrawals", filter)).toEqual(["P"]);
    }
  },

  "a transfer out of two addresses is one, of both amounts; a failed fee leg fails nothing": async (
    played,
  ) => {
    const ledger = await played([
      layer1("withdrawal", ["CREATED", 1, "69", 0], { amount: "0.6" }),
      layer1("withdrawal", ["CREATED", 1, "69", 1], { amount: "0.4" }),
      layer1("withdrawal", ["FAILED", 2, "66", 0], { amount: "0.01" }),
      layer1("withdrawal", ["SUCCESS", 3, "69", 0], { amount: "0.6" }),
      layer1("withdrawal", ["SUCCESS", 3, "69", 1], { amount: "0.4" }),
    ]);
    expect(outline(await ledger.records("withdrawals"))).toEqual([`${TRANSFER} settled stated 1`]);
    expect(await ledger.openAnomalies("withdrawals")).toEqual([]);
  },

  "a payment that was returned is retried": retried("returned"),
  "a payment that was failed is retried": retried("failed"),
  "a payment that was cancelled is retried": retried("cancelled"),
  "a payment without any time: the arrival counts, and it can be stuck": async (played) => {
    const ledger = await played([
      undated("pending", "n1"),
      undated("posted", "n2"),
      undated("pending", "n3"),
      undated("pending", "n1"),
    ]);
    expect(await wordsOf(ledger)).toEqual(["pending", "posted", "pending"]);
    expect(await ledger.records("withdrawals")).toMatchObject([
      { stage: "broadcast", opened_at: "2025-04-30T08:01:00Z" },
    ]);
    const found = await ledger.find("withdrawals", "T", 1_000);
    expect(found).toMatchObject({ outcome: "found", record: { stuck: true } });
  },
  "a payment without any time, twice settled around a return, says both": async (played) => {
    const ledger = await played([
      undated("settled", "n1"),
      undated("returned", "n2"),
      undated("settled", "n3"),
      undated("settled", "n3"),
    ]);
    expect(await wordsOf(ledger)).toEqual(["settled", "returned", "settled"]);
    expect(await ledger.openAnomalies("withdrawals")).toEqual(["illegal_step:T:returned->settled"]);
  },
  "one that names its request waits for it; the one that names none is confirmed": async (
    played,
  ) => {
    const ledger = await played([
      run("1", 1, [["withdrawal_pending", "-5", "p1", { withdrawal_request_id: "W1" }]]),
      run("2", 2, [["withdrawal_pending", "-5", "p2"]]),
      run("3", 3, [["withdrawal_pending", "-5", "p3", { withdrawal_request_id: "W3" }]]),
      run("4", 4, [
        ["withdrawal_confirmed", "5", "c"],
        ["withdrawal", "-5", "d"],
      ]),
    ]);
    expect(outline(await ledger.records("withdrawals"))).toEqual([
      ...["W1 pending stated 5", "W3 pending stated 5", "movement:p2 settled inferred 5"],
    ]);
  },

  "a hold that comes late and is nearer undoes a link, and the history says so": async (played) => {
    const ledger = await played([
      run("1", 0, [["withdrawal_pending", "-5", "p1"]]),
      run("3", 2, [
        ["withdrawal_confirmed", "5", "c"],
        ["withdrawal", "-5", "d"],
      ]),
      run("2", 1, [["withdrawal_pending", "-5", "p2"]]),
    ]);
    const [first, second] = await ledger.records("withdrawals");
    expect(second).toMatchObject({ id: "movement:p2", stage: "settled", link: "inferred" });
    expect(first).toMatchObject({ id: "movement:p1", stage: "pending", link: "stated" });
    expect(first?.history.map(({ source, provider_status }) => [source, provider_status])).toEqual([
      ["movement", "withdrawal_pending"],
      ["relink", "link undone: settled → pending"],
    ]);
  },

  "one request id of two customers: two records, and a conflict": async (played) => {
    const other = { participant_code: "CUST02" };
    const ledger = await played([
      run("1", 1, [["withdrawal_pending", "-5", "p1", { withdrawal_request_id: "R" }]]),
      run("2", 2, [["withdrawal_pending", "-5", "p2", { withdrawal_request_id: "R" }]], other),
    ]);
    const ids = ["R:CUST01:BTC", "R:CUST02:BTC"];
    expect((await ledger.records("withdrawals")).map(({ id }) => id)).toEqual(ids);
    expect(await ledger.openAnomalies("withdrawals")).toEqual(ids.map((id) => `id_conflict:${id}`));
    expect(await ledger.find("withdrawals", "R")).toEqual({
      outcome: "ambiguous",
      candidates: ids,
    });
  },

  "the nil UUID is nobody's id": async (played) => {
    const nil = { withdrawal_request_id: "00000000-0000-0000-0000-000000000000" };
    const ledger = await played([
      run("1", 1, [["withdrawal_pending", "-5", "p1", nil]]),
      run("2", 2, [["withdrawal_pending", "-6", "p2", nil]]),
    ]);
    expect((await ledger.records("withdrawals")).map(({ id }) => id)).toEqual([
      "movement:p1",
      "movement:p2",
    ]);
  },

  "words, and one that nobody knows": async (played) => {
    const ledger = await played([
      payment("crypto_settled", 1, { payment_id: "P1" }),
      payment("fiat_settled", 1, { payment_id: "P2" }),
      payment("evaporated", 1, { payment_id: "P3" }),
    ]);
    expect((await ledger.records("withdrawals")).map(({ stage }) => stage)).toEqual([
      ...["confirmed", "settled", "requested"],
    ]);
    expect(await ledger.openAnomalies("withdrawals")).toEqual(["unknown_word:P3:evaporated"]);
  },

  "a fee that names the request stands in its history, before the request and after it": async (
    played,
  ) => {
    const fee = run("2", 2, [["network_fee", "-0.1", "f", { withdrawal_request_id: "R" }]], {
      participant_code: "PLAT01",
      asset: "ETH",
    });
    const hold = run("1", 1, [["withdrawal_pending", "-5", "p", { withdrawal_request_id: "R" }]]);
    for (const webhooks of [
      [hold, fee],
      [fee, hold],
    ]) {
      const ledger = await played(webhooks);
      const [record, ...others] = await ledger.records("withdrawals");
      expect(others).toEqual([]);
      expect(record?.history.map(({ provider_status }) => provider_status)).toEqual([
        ...["withdrawal_pending", "network_fee"],
      ]);
      expect(record).toMatchObject({ id: "R", stage: "pending", asset: "BTC", amount: "5" });
    }
  },
};

const DEPOSIT = { run_type: "deposit" };

const DEPOSITS: LifecycleCases = {
  "a session that expired late: the money is there, and is credited": async (played) => {
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
    const booked = run("1", 5, [["deposit", "0.2", "m", { deposit_reference_id: "ab" }]], DEPOSIT);
    const before = await played([late]);
    expect(outline(await before.records("deposits"))).toEqual(["fund:F detected stated 0.2"]);
    const ledger = await played([late, booked]);
    expect(outline(await ledger.records("deposits"))).toEqual(["movement:m credited stated 0.2"]);
  },

  "one transaction to two of our addresses: two deposits": async (played) => {
    const ledger = await played([
      layer1("deposit", ["SUCCESS", 1, "6f", 0]),
      layer1("deposit", ["REJECTED", 2, "6f", 1]),
    ]);
    const ids = ADDRESSES.map((address) => `${TRANSFER}:${address}`);
    expect(outline(await ledger.records("deposits"))).toEqual([
      ...[`${ids[0]} credited stated 1`, `${ids[1]} rejected stated 1`],
    ]);
    expect(await ledger.find("deposits", TRANSFER)).toEqual({
      outcome: "ambiguous",
      candidates: ids,
    });
  },

  "pulled in, returned, retried and pulled in again: one deposit": async (played) => {
    const bank = (payment_status: string, minute: number): Webhook => ({
      type: "payment_status_changed",
      body: {
        ...{ transaction_id: "g1", type: "debit", payment_status, amount: "5", asset: "USD" },
        ...{ participant_code: "CUST01", account_label: "general" },
        timestamp: Number(START / 1_000_000n) + minute * 60_000,
      },
    });
    const booked = (runId: string, minute: number, change: string): Webhook =>
      run(runId, minute, [["deposit", change, `m${runId}`, { deposit_reference_id: "g1" }]], {
        ...DEPOSIT,
        asset: "USD",
      });
    const told = [
      ...[bank("submitted", -50), bank("settled", -40), booked("1", -40, "5")],
      ...[bank("returned", -30), booked("2", -30, "-5"), bank("retried", -30)],
    ];
    const again = [bank("settled", -20), booked("3", -20, "5")];
    const open = await played(told);
    expect(outline(await open.records("deposits"))).toEqual(["g1 unconfirmed stated 5"]);
    const ledger = await played([...told, ...again]);
    expect(outline(await ledger.records("deposits"))).toEqual(["g1 credited inferred 5"]);
    expect(await ledger.records("deposits")).toMatchObject([{ credited_amount: "5" }]);
    expect(await ledger.openAnomalies("deposits")).toEqual([]);
  },

  "a part of a deposit is taken back": async (played) => {
    const reference = { deposit_reference_id: "ab" };
    const ledger = await played([
      run("1", 1, [["deposit", "1.25", "m1", reference]], DEPOSIT),
      run("2", 2, [["deposit", "-1", "m2", reference]], DEPOSIT),
    ]);
    expect(outline(await ledger.records("deposits"))).toEqual([
      "movement:m1 credited inferred 1.25",
    ]);
    expect(await ledger.find("deposits", "m2")).toMatchObject({
      record: { id: "movement:m1", credited_amount: "0.25" },
    });
  },

  "what was credited is taken back by a movement of the same reference": async (played) => {
    const reference = { deposit_reference_id: "ach-1" };
    const ledger = await played([
      run("1", 1, [["deposit", "100", "m1", reference]], { ...DEPOSIT, asset: "USD" }),
      run("2", 4_000, [["deposit", "-100", "m2", reference]], { ...DEPOSIT, asset: "USD" }),
    ]);
    expect(outline(await ledger.records("deposits"))).toEqual(["movement:m1 returned stated 100"]);
    for (const id of ["m1", "m2", "ach-1"]) {
      expect(await ledger.find("deposits", id)).toMatchObject({ record: { id: "movement:m1" } });
    }
  },

  "states in capitals": async (played) => {
    const states = ["PENDING", "CONFIRMED", "COMPLETED", "QUARANTINED", "VANISHED"];
    const ledger = await played(
      states.map((state) => ({
        type: "deposit.status_changed",
        body: { deposit_id: state, state, participant_code: "CUST01", timestamp: 1_746_000_000 },
      })),
    );
    const stages = (await ledger.records("deposits")).map(({ id, stage }) => [id, stage]);
    expect(stages).toEqual([
      ["COMPLETED", "credited"],
      ["CONFIRMED", "confirmed"],
      ["PENDING", "unconfirmed"],
      ["QUARANTINED", "quarantined"],
      ["VANISHED", "detected"],
    ]);
    expect(await ledger.openAnomalies("deposits")).toEqual(["unknown_word:VANISHED:VANISHED"]);
  },
};

/** All of them as tests, each on ledgers of its own that `open` gives it. */
export function defineLifecycleCases(open: Played): void {
  const opened: LifecycleLedger[] = [];
  const played: Played = async (webhooks) => {
    const ledger = await open(webhooks);
    opened.push(ledger);
    return ledger;
  };

  afterEach(async () => {
    for (const { ledger } of opened.splice(0)) await ledger.close();
  });

  describe.each(Object.entries({ withdrawals: WITHDRAWALS, deposits: DEPOSITS }))(
    "%s",
    (_, cases) => {
      test.each(Object.entries(cases))("%s", async (_name, run) => {
        await run(played);
        for (const { ledger } of opened) await expectRebuilt(ledger);
      });
    },
  );
}
