import type { ProviderFactType } from "@counterfoil/contracts/fact";
import { depositRecord, tradeRecord, withdrawalRecord } from "@counterfoil/contracts/record";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { zeroHashAccountId } from "../account.ts";
import { inForce } from "../ingest/fact-state.ts";
import { depositKeys } from "./deposit-keys.ts";
import { depositsOf } from "./deposits.ts";
import type { LifecycleDraft } from "./draft.ts";
import { groupByKeys } from "./groups.ts";
import { secondsInStage } from "./history.ts";
import type { Leg } from "./leg.ts";
import { byId, CONNECTION, fact, LINES, legOf } from "./testing/legs.ts";
import { tradeKeys, tradesOf } from "./trades.ts";
import { withdrawalKeys } from "./withdrawal-keys.ts";
import { withdrawalsOf } from "./withdrawals.ts";
import {
  LAYER1_DEPOSIT,
  LAYER1_WITHDRAWAL,
  ZERO_HASH_DEPOSIT,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_WITHDRAWAL,
} from "./words.ts";

/** What every lifecycle promises of any set of legs; few names, so that they meet often. */

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

const factOf = (type: ProviderFactType, data: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .record({ ...data, received_at: from("2024-05-01T10:00:01Z", "2024-06-01T00:00:00Z") })
    .map((drawn) => fact(type, drawn));

const content = from("a".repeat(64), "b".repeat(64));
const place = fc
  .option(
    fc.record({ connection: from(CONNECTION, "unknown"), frame: fc.integer({ min: 1, max: 4 }) }),
  )
  .map((drawn) => drawn ?? undefined);

const movement = factOf("MovementRecorded", {
  account,
  movement_id: from("m1", "m2", "m3", "m4"),
  movement_type: from("withdrawal_pending", "withdrawal_confirmed", "withdrawal", "deposit"),
  change: from("0.1", "-0.1", "0.2", "-0.2", "0"),
  run_id: from("1", "2", "10"),
  run_type: maybe("withdrawal", "transfer"),
  occurred_at: time,
  withdrawal_request_id: maybe("R1", "R2", "P1"),
  deposit_reference_id: maybe("ab", "0xAB", "cd"),
});

const report = factOf("BalanceReported", {
  account,
  run_id: from("1", "2", "10"),
  run_type: maybe("withdrawal", "transfer"),
  balance: maybe("0", "0.1", "5"),
  occurred_at: time,
  place,
});

const withdrawalStatus = fc.oneof(
  factOf("WithdrawalStatusReported", {
    withdrawal_id: from("R1", "R2"),
    status: words(ZERO_HASH_WITHDRAWAL),
    on_chain_status: maybe("odd", ...Object.keys(ZERO_HASH_ON_CHAIN)),
    content,
    occurred_at: time,
    amount: maybe("0.1", "0.3"),
  }),
  factOf("WithdrawalStatusReported", {
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

const payment = factOf("PaymentStatusReported", {
  payment: from("P1", "P2", "digest:ff"),
  payment_id: maybe("P1", "P2"),
  transaction_id: maybe("P2", "T1", "R1"),
  status: words(ZERO_HASH_WITHDRAWAL),
  content,
  occurred_at: time,
  withdrawal_request_id: maybe("R1", "R2"),
});

const depositStatus = fc.oneof(
  factOf("DepositStatusReported", {
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
  factOf("DepositStatusReported", {
    provider: from("layer1"),
    deposit_id: from("D1", "X1"),
    status: words(LAYER1_DEPOSIT),
    content,
    occurred_at: time,
  }),
);

const fund = factOf("FundReported", {
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

const tradeStatus = factOf("TradeStatusReported", {
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
    place: fc.record({ connection: from(CONNECTION), frame: fc.integer({ min: 1, max: 4 }) }),
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

/** Any legs, of any lifecycle, each fact once, some of them amended and some withdrawn. */
const anyLegs: fc.Arbitrary<Leg[]> = fc
  .uniqueArray(
    fc
      .record({ drawn: facts, seen, withdrawn: from(false, false, false, true) })
      .map(({ drawn, ...rest }) => {
        const leg = legOf(drawn);
        return { ...leg, state: { ...leg.state, ...rest } };
      }),
    { selector: ({ id }) => id, maxLength: 24, size: "max" },
  )
  .map((legs) => legs.map((leg, at) => ({ ...leg, state: { ...leg.state, position: at + 1 } })));

type Lifecycle = Readonly<{
  of: (legs: readonly Leg[]) => LifecycleDraft<object>[];
  keys: (leg: Leg) => string[];
  /** The types of which each fact in force is in exactly one record. */
  told: readonly ProviderFactType[];
  record: { parse: (record: unknown) => unknown };
}>;

const LIFECYCLES: readonly (readonly [string, Lifecycle])[] = [
  [
    "withdrawals",
    {
      of: (legs) => withdrawalsOf(legs, LINES),
      keys: withdrawalKeys,
      told: ["WithdrawalStatusReported", "PaymentStatusReported"],
      record: withdrawalRecord,
    },
  ],
  [
    "deposits",
    {
      of: depositsOf,
      keys: depositKeys,
      told: ["DepositStatusReported", "FundReported"],
      record: depositRecord,
    },
  ],
  ["trades", { of: tradesOf, keys: tradeKeys, told: ["TradeStatusReported"], record: tradeRecord }],
];

const RUNS = { numRuns: 100 };

/** The legs that a movement makes, by lifecycle. */
const isTold = (name: string, { told }: Lifecycle, { type, state }: Leg): boolean => {
  if (state.withdrawn) return false;
  if (type !== "MovementRecorded") return told.includes(type);
  const { movement_type, change } = state.data as { movement_type: string; change: string };
  if (movement_type !== "deposit") return name === "withdrawals";
  return name === "deposits" && /^0\.\d/.test(change);
};

describe.each(LIFECYCLES)("%s", (name, lifecycle) => {
  test("do not depend on the order of arrival, nor on an amendment that came twice", () => {
    fc.assert(
      fc.property(anyLegs, fc.infiniteStream(fc.nat()), (legs, keys) => {
        const twice = legs.map((leg) => ({
          ...leg,
          key: keys.next().value ?? 0,
          state: { ...leg.state, seen: [...leg.state.seen, ...leg.state.seen] },
        }));
        twice.sort((a, b) => a.key - b.key);
        expect(lifecycle.of(twice)).toEqual(lifecycle.of(legs));
      }),
      RUNS,
    );
  });

  test("every leg that tells something is in exactly one record", () => {
    fc.assert(
      fc.property(anyLegs, (legs) => {
        const inRecords = lifecycle.of(legs).flatMap((record) => record.legs);
        const telling = legs.filter((leg) => isTold(name, lifecycle, leg)).map(({ id }) => id);
        expect([...inRecords].sort()).toEqual(telling.sort());
      }),
      RUNS,
    );
  });

  test("ids are unique, find their record, and so do ids that it may have had before", () => {
    fc.assert(
      fc.property(anyLegs, (legs) => {
        const records = lifecycle.of(legs);
        expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
        for (const { id, identifiers } of records) expect(identifiers).toContain(id);
      }),
      RUNS,
    );
  });

  test("clusters are enough: keys bring together whatever ends in one record", () => {
    fc.assert(
      fc.property(anyLegs, (legs) => {
        const clusters = groupByKeys(legs, lifecycle.keys);
        const apart = clusters.flatMap((cluster) => lifecycle.of(cluster));
        expect(byId(apart)).toEqual(byId(lifecycle.of(legs)));
      }),
      RUNS,
    );
  });

  test("records have the shape that readers are promised", () => {
    fc.assert(
      fc.property(anyLegs, (legs) => {
        for (const { id, state, history } of lifecycle.of(legs)) {
          const seconds = secondsInStage(history);
          const entries = history.map((entry, at) => ({
            ...entry,
            position: String(entry.position),
            delivery_id: entry.deliveryId,
            late: false,
            seconds_in_stage: seconds[at],
          }));
          lifecycle.record.parse({ id, ...state, stuck: null, position: "1", history: entries });
        }
      }),
      RUNS,
    );
  });

  test("the stage is where the history went, and an anomaly is a step that it did not go", () => {
    fc.assert(
      fc.property(anyLegs, (legs) => {
        for (const { state, history, anomalies } of lifecycle.of(legs)) {
          const last = history.findLast(({ moves }) => moves);
          const { stage } = state as { stage: string | null };
          if (last) expect(stage).toBe(last.stage);
          else expect(["requested", "detected", null]).toContain(stage);
          expect(history.length).toBeGreaterThan(0);
          expect(new Set(anomalies.map(({ what }) => what)).size).toBe(anomalies.length);
        }
      }),
      RUNS,
    );
  });

  test("legs are only looked at", () => {
    fc.assert(
      fc.property(anyLegs, (legs) => {
        const before = JSON.stringify(legs);
        const first = lifecycle.of(legs);
        expect(lifecycle.of(legs)).toEqual(first);
        expect(JSON.stringify(legs)).toBe(before);
      }),
      RUNS,
    );
  });
});

/** The keys that the legs need: a class only unites where one of its movements names no request. */
function neededKeys(legs: readonly Leg[]): (leg: Leg) => string[] {
  const open = new Set(legs.filter(namesNoRequest).flatMap(withdrawalKeys));
  return (leg) => withdrawalKeys(leg).filter((key) => !key.startsWith("class:") || open.has(key));
}

const namesNoRequest = ({ type, state }: Leg): boolean =>
  type === "MovementRecorded" && inForce(state).withdrawal_request_id === undefined;

test("withdrawals: where all movements of a class name their requests, the class is no key", () => {
  fc.assert(
    fc.property(anyLegs, (legs) => {
      const apart = groupByKeys(legs, neededKeys(legs)).flatMap((cluster) =>
        withdrawalsOf(cluster, LINES),
      );
      expect(byId(apart)).toEqual(byId(withdrawalsOf(legs, LINES)));
    }),
    RUNS,
  );
});
