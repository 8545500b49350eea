import type { ProviderFactType } from "@counterfoil/contracts/fact";
import { depositRecord, tradeRecord, withdrawalRecord } from "@counterfoil/contracts/record";
import { zeroHashAccountId } from "@counterfoil/core/account";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { Lifecycle, LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  LAYER1_DEPOSIT,
  LAYER1_WITHDRAWAL,
  ZERO_HASH_DEPOSIT,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_WITHDRAWAL,
} from "@counterfoil/core/lifecycle/stages";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CLUSTERS, FLAGS, HISTORY, MENTIONS, MOVEMENTS, NAMES, QUEUE, SLOTS } from "./tables.ts";
import { fact, factOf } from "./testing/lifecycle-facts.ts";
import { type Event, inOrderOf, openModel, readRecords } from "./testing/records-of.ts";

/** Properties of every lifecycle for any set of facts; few names, so that facts share them often. */

const from = <Value>(...values: Value[]) => fc.constantFrom(...values);
const maybe = <Value>(...values: Value[]) => fc.constantFrom(undefined, ...values);
const words = (...tables: object[]) => from("odd", ...tables.flatMap(Object.keys));

const time = maybe(
  "2024-05-01T10:00:00Z",
  "2024-05-01T10:00:00.010Z",
  "2024-05-01T10:00:00.015Z",
  "2024-05-01T10:01:00.000000001Z",
  "2024-05-08T10:00:00Z",
);

const account = fc
  .record({ type: from("available", "collateral", "payable"), label: from("general", "x:y") })
  .map(({ type, label }) =>
    zeroHashAccountId({
      participant_code: "DEF456",
      account_group: "ABC123",
      account_label: label,
      account_type: type,
      asset: "USDC.BASE",
    }),
  );

const anyOf = (type: ProviderFactType, data: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .record({ ...data, received_at: from("2024-05-01T10:00:01Z", "2024-06-01T00:00:00Z") })
    .map((drawn) => fact(type, drawn));

const content = from("a".repeat(64), "b".repeat(64));
const movement = anyOf("MovementRecorded", {
  account,
  movement_id: from("m1", "m2", "m3", "m4"),
  movement_type: from(
    ...["withdrawal_pending", "withdrawal_confirmed", "withdrawal", "deposit", "network_fee"],
  ),
  change: from("0.1", "-0.1", "0.2", "-0.2", "0"),
  run_id: from("1", "2", "10"),
  run_type: maybe("withdrawal", "transfer"),
  occurred_at: time,
  withdrawal_request_id: maybe("R1", "R2", "P1"),
  deposit_reference_id: maybe("ab", "0xAB", "cd"),
});

const report = anyOf("BalanceReported", {
  account,
  run_id: from("1", "2", "10"),
  run_type: maybe("withdrawal", "transfer"),
  balance: maybe("0", "0.1", "5"),
  occurred_at: time,
  not_before: maybe("2024-05-01T10:00:00.012Z"),
});

const withdrawalStatus = fc.oneof(
  anyOf("WithdrawalStatusReported", {
    withdrawal_id: from("R1", "R2"),
    status: words(ZERO_HASH_WITHDRAWAL),
    on_chain_status: maybe("odd", ...Object.keys(ZERO_HASH_ON_CHAIN)),
    content,
    occurred_at: time,
    amount: maybe("0.1", "0.3"),
  }),
  anyOf("WithdrawalStatusReported", {
    provider: from("layer1"),
    withdrawal_id: from("X1", "R1"),
    leg_id: from("X169", "X166"),
    leg: from("amount", "fee"),
    status: words(LAYER1_WITHDRAWAL),
    content,
    occurred_at: time,
    amount: maybe("0.1", "0.3"),
    transaction_hash: maybe("0xAB"),
  }),
);

const payment = anyOf("PaymentStatusReported", {
  payment: from("P1", "P2", "digest:ff"),
  payment_id: maybe("P1", "P2"),
  transaction_id: maybe("P2", "T1", "R1"),
  status: words(ZERO_HASH_WITHDRAWAL),
  content,
  occurred_at: time,
  withdrawal_request_id: maybe("R1", "R2"),
  participant_code: maybe("DEF456", "OTHER"),
  asset: maybe("USDC", "USDC.BASE", "BTC"),
  payment_type: maybe("credit", "debit"),
});

const depositStatus = fc.oneof(
  anyOf("DepositStatusReported", {
    deposit_id: from("D1", "D2", "movement:m1"),
    status: words(ZERO_HASH_DEPOSIT),
    content,
    occurred_at: time,
    participant_code: maybe("DEF456"),
    account_label: maybe("general", "x:y"),
    asset: from("USDC", "USDC.SOL", "USDC.BASE"),
    network: maybe("BASE"),
    amount: maybe("0.1", "0.2"),
    transaction_hash: maybe("ab", "0xAB", "cd"),
  }),
  anyOf("DepositStatusReported", {
    provider: from("layer1"),
    deposit_id: from("D1", "X1"),
    status: words(LAYER1_DEPOSIT),
    content,
    occurred_at: time,
  }),
);

const fund = anyOf("FundReported", {
  fund: from("f1", "f2", "digest:ff"),
  success: maybe(true, false),
  content,
  occurred_at: time,
  participant_code: maybe("DEF456"),
  asset: from("USDC"),
  quantity: maybe("0.1", "0.2"),
  transaction_hash: maybe("ab", "cd"),
  reason: maybe("deposit session has expired.", "below minimum"),
});

const tradeStatus = anyOf("TradeStatusReported", {
  trade_id: from("T1", "T2"),
  status: from("accepted", "active", "terminated", "odd"),
  content,
  occurred_at: time,
  fields: fc.record({ note: fc.string() }),
});

const adds = fc.record(
  {
    occurred_at: from("2024-05-01T10:00:00.0105Z", "2024-05-01T10:02:00Z"),
    withdrawal_request_id: from("R1"),
    not_before: from("2024-05-01T10:00:00.013Z"),
  },
  { requiredKeys: [] },
);

const seen = fc
  .array(adds, { maxLength: 2 })
  .map((all) => all.map((added, at) => ({ id: `s${at}`, adds: added, receivedAt: SEEN_AT })));
const SEEN_AT = "2024-05-01T10:00:02Z";

const facts = fc.oneof(
  { weight: 4, arbitrary: movement },
  { weight: 2, arbitrary: report },
  withdrawalStatus,
  payment,
  depositStatus,
  fund,
  tradeStatus,
);

/** Any facts of any lifecycle, each once; some are amended and some withdrawn. */
const anyFacts: fc.Arbitrary<LifecycleFact[]> = fc.uniqueArray(
  fc
    .record({ drawn: facts, seen, withdrawn: from(false, false, false, true) })
    .map(({ drawn, ...rest }) => {
      const one = factOf(drawn);
      return { ...one, state: { ...one.state, ...rest } };
    }),
  { selector: ({ id }) => id, maxLength: 24, size: "max" },
);

const LIFECYCLES = [
  ["withdrawals", WITHDRAWALS, withdrawalRecord],
  ["deposits", DEPOSITS, depositRecord],
  ["trades", TRADES, tradeRecord],
] as const;

const RUNS = { numRuns: Number(process.env.N ?? 60), interruptAfterTimeLimit: 30000 };

/** @param every the number of events per commit */
async function projectEvents(lifecycle: Lifecycle, events: readonly Event[], every = 1000) {
  const { store, session, apply } = await openModel(lifecycle);
  for (let at = 0; at < events.length; at += every) {
    await apply(events.slice(at, at + every));
    await session.commit();
  }
  return { store, checkpoint: await session.commit() };
}

const NUMBERS = fc.infiniteStream(fc.nat());

describe.each(LIFECYCLES)("%s", (_, lifecycle, record) => {
  test("do not depend on the order in which anything arrived", async () => {
    await fc.assert(
      fc.asyncProperty(anyFacts, NUMBERS, NUMBERS, async (all, some, others) => {
        const one = await projectEvents(lifecycle, inOrderOf(all, some));
        const other = await projectEvents(lifecycle, inOrderOf(all, others));
        if (one.checkpoint.state_digest !== other.checkpoint.state_digest) {
          expect(outline(await readRecords(one.store))).toEqual(
            outline(await readRecords(other.store)),
          );
        }
        expect(one.checkpoint.state_digest).toBe(other.checkpoint.state_digest);
      }),
      RUNS,
    );
  });

  test("do not depend on which events are committed together", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyFacts,
        NUMBERS,
        fc.integer({ min: 1, max: 7 }),
        async (all, keys, every) => {
          const events = inOrderOf(all, keys);
          const one = await projectEvents(lifecycle, events);
          const other = await projectEvents(lifecycle, events, every);
          expect(one.checkpoint).toEqual(other.checkpoint);
        },
      ),
      RUNS,
    );
  });

  test("have the published shape, a unique id, and the last stage of their history", async () => {
    await fc.assert(
      fc.asyncProperty(anyFacts, NUMBERS, async (all, keys) => {
        const { store } = await projectEvents(lifecycle, inOrderOf(all, keys));
        const records = await readRecords(store);
        expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
        for (const { state, history, anomalies } of records) {
          record.parse(state);
          const last = history.findLast(({ moves }) => moves);
          if (last) expect(state.stage).toBe(last.stage);
          else expect(["requested", "detected", null]).toContain(state.stage);
          expect(history.length).toBe(state.history_length);
          expect(new Set(anomalies.map(({ kind, what }) => kind + what)).size).toBe(
            anomalies.length,
          );
        }
      }),
      RUNS,
    );
  });

  test("withdrawn facts leave no rows", async () => {
    await fc.assert(
      fc.asyncProperty(anyFacts, NUMBERS, async (all, keys) => {
        const gone = all.map((one) => ({ ...one, state: { ...one.state, withdrawn: true } }));
        const { store } = await projectEvents(lifecycle, inOrderOf(gone, keys));
        expect(await readRecords(store)).toEqual([]);
        for (const table of [CLUSTERS, NAMES, HISTORY, QUEUE, MOVEMENTS, FLAGS, SLOTS, MENTIONS]) {
          const rows = await store.select(table, { orderBy: [...table.key], limit: 1000 });
          expect([table.name, rows.filter(({ id }) => id !== 0)]).toEqual([table.name, []]);
        }
      }),
      RUNS,
    );
  });
});

const outline = (records: Awaited<ReturnType<typeof readRecords>>) =>
  records.map(({ state, history, anomalies }) => ({
    state: { ...state, history: null, position: null },
    history: history.map(({ position, late, delivery_id, ...entry }) => entry),
    anomalies,
  }));
