import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { Lifecycle } from "@counterfoil/core/lifecycle/fact-reading";
import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { lifecycleProjection } from "@counterfoil/processing/models/lifecycle/projection";
import { RECORD_CHANGES } from "@counterfoil/processing/models/lifecycle/tables";
import {
  movementFacts,
  statusFact,
} from "@counterfoil/processing/models/lifecycle/testing/lifecycle-facts";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import type { HotKey, HotKeys } from "./hot-work.ts";

const time = (minute: number): string => {
  const [day, hour] = [Math.floor(minute / 1440), Math.floor((minute % 1440) / 60)];
  return new Date(Date.UTC(2024, 0, 1 + day, hour, minute % 60)).toISOString().slice(0, 19);
};

/** The messages of equal withdrawals, one after the other. */
function withdrawals(count: number): LifecycleFact[][] {
  return Array.from({ length: count }, (_, at) => {
    const [pending, settling] = [
      movementFacts(
        `run   account    type               change movement
         ${at}p available  withdrawal_pending -5     p${at}
         ${at}p collateral withdrawal_pending 5      p${at}`,
      ),
      movementFacts(
        `run   account    type                 change movement
         ${at}c collateral withdrawal_confirmed -5     c${at}
         ${at}c available  withdrawal_confirmed 5      c${at}
         ${at}c available  withdrawal           -5     d${at}`,
      ),
    ].map((facts, step) => facts.map((fact) => dated(fact, time(2 * at + step))));
    return [...(pending ?? []), ...(settling ?? [])];
  });
}

function dated(fact: LifecycleFact, at: string): LifecycleFact {
  const data = { ...fact.state.data, occurred_at: `${at}Z` };
  return { ...fact, state: { ...fact.state, data } };
}

const statuses = (
  type: "PaymentStatusReported" | "DepositStatusReported" | "TradeStatusReported",
  of: (at: number) => object,
  count: number,
): LifecycleFact[] =>
  Array.from({ length: count }, (_, at) =>
    statusFact(type, { occurred_at: `${time(at)}Z`, note: at, ...of(at) }),
  );

const payments = (count: number) =>
  statuses(
    "PaymentStatusReported",
    (at) => ({ payment: "P", status: at % 2 ? "pending" : "posted" }),
    count,
  );

const deposits = (count: number) =>
  statuses("DepositStatusReported", () => ({ deposit_id: "D", status: "confirmed" }), count);

const trades = (count: number) =>
  statuses("TradeStatusReported", () => ({ trade_id: "T", status: "active", fields: {} }), count);

const equalDeposits = (count: number) =>
  statuses(
    "DepositStatusReported",
    (at) => ({
      ...{ deposit_id: `D${at}`, status: "completed", participant_code: "DEF456" },
      ...{ asset: "BTC", amount: "1", transaction_hash: `h${at}` },
    }),
    count,
  );

const equal = (count: number) => withdrawals(count / 10);

function hotKey(lifecycle: Lifecycle, factsOf: (count: number) => LifecycleFact[]): HotKey {
  return {
    projection: lifecycleProjection(lifecycle),
    changesOf: RECORD_CHANGES,
    facts: (count) => factsOf(count).map(({ type, state }) => ({ type, data: state.data })),
  };
}

/** So many facts of one key, by what is hard in them. */
export const HOT_LIFECYCLES: HotKeys = {
  "equal withdrawals, in order": hotKey(WITHDRAWALS, (count) => equal(count).flat()),
  "equal withdrawals, newest first": hotKey(WITHDRAWALS, (count) =>
    equal(count).toReversed().flat(),
  ),
  "statuses of one payment": hotKey(WITHDRAWALS, payments),
  "statuses of one payment, newest first": hotKey(WITHDRAWALS, (count) =>
    payments(count).toReversed(),
  ),
  "statuses of one deposit": hotKey(DEPOSITS, deposits),
  "statuses of one trade": hotKey(TRADES, trades),
  "equal deposits of different transactions": hotKey(DEPOSITS, equalDeposits),
};

export const EQUAL_WITHDRAWALS_IN_ANY_ORDER = hotKey(WITHDRAWALS, (count) =>
  shuffled(equal(count).flat(), createRandom("any order", "facts")),
);
