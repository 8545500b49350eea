import { depositEntries } from "./deposit-history.ts";
import { joinDeposits } from "./deposit-joins.ts";
import { isDepositLeg } from "./deposit-keys.ts";
import { DEPOSIT_RULES } from "./deposit-rules.ts";
import {
  type DepositState,
  type DepositTellers,
  depositState,
  depositTellers,
} from "./deposit-state.ts";
import type { LifecycleDraft } from "./draft.ts";
import { distinct, hashNames } from "./facets.ts";
import { foldHistory } from "./history.ts";
import { type AnyKnown, knownLegs, type Leg } from "./leg.ts";
import { chooseIds, type IdCandidates } from "./record-id.ts";

/** The deposits that a cluster of legs tells of. Total: whatever the legs say, none is refused. */
export function depositsOf(legs: readonly Leg[]): LifecycleDraft<DepositState>[] {
  const kept = knownLegs(legs).filter(({ type, data }) => isDepositLeg(type, data));
  const joined = joinDeposits(kept);
  const told = joined.map(depositTellers);
  const ids = chooseIds(told.map(candidatesOf));
  return joined.map((deposit, at) => {
    const folded = foldHistory(deposit.facts.flatMap(depositEntries), DEPOSIT_RULES);
    return {
      id: ids[at] ?? "",
      state: depositState(deposit, told[at] ?? depositTellers(deposit), folded),
      history: folded.history,
      identifiers: distinct([ids[at], ...deposit.facts.flatMap(namesOf)]),
      anomalies: folded.anomalies,
      legs: distinct(deposit.facts.map(({ id }) => id)),
    };
  });
}

/** deposit_id (Layer1: the transfer), else the movement, else the fund event. */
function candidatesOf({ facts, statuses, movements, funds }: DepositTellers): IdCandidates {
  const stated = distinct(statuses.map(({ data }) => data.deposit_id));
  const moved = distinct(movements.map(({ data }) => `movement:${data.movement_id}`));
  const funded = distinct(funds.map(({ data }) => `fund:${data.fund}`));
  const kinds = [stated, moved, funded];
  return {
    rank: kinds.findIndex((ids) => ids.length > 0),
    ids: [...kinds.flatMap((ids) => ids.slice(0, 1)), facts[0]?.id ?? ""],
  };
}

function namesOf(fact: AnyKnown): (string | undefined)[] {
  switch (fact.type) {
    case "MovementRecorded": {
      const { movement_id, deposit_reference_id } = fact.data;
      return [movement_id, `movement:${movement_id}`, ...hashNames(deposit_reference_id)];
    }
    case "DepositStatusReported": {
      const { deposit_id, leg_id, reference, transaction_hash } = fact.data;
      return [deposit_id, leg_id, reference, ...hashNames(transaction_hash)];
    }
    case "FundReported": {
      const { fund, fund_id, transaction_hash } = fact.data;
      return [`fund:${fund}`, fund_id, ...hashNames(transaction_hash)];
    }
    default:
      return [];
  }
}
