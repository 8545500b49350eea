import type { FeedLines } from "../feed-lines.ts";
import type { LifecycleDraft } from "./draft.ts";
import { distinct, hashNames } from "./facets.ts";
import { foldHistory } from "./history.ts";
import { type AnyKnown, knownLegs, type Leg } from "./leg.ts";
import { chooseIds, type IdCandidates } from "./record-id.ts";
import { withdrawalEntries } from "./withdrawal-history.ts";
import { type Joined, joinWithdrawals } from "./withdrawal-joins.ts";
import { isWithdrawalLeg, requestOf } from "./withdrawal-keys.ts";
import { WITHDRAWAL_RULES } from "./withdrawal-rules.ts";
import {
  type WithdrawalState,
  type WithdrawalTellers,
  withdrawalState,
  withdrawalTellers,
} from "./withdrawal-state.ts";

/** The withdrawals that a cluster of legs tells of. Total: whatever the legs say, none is refused. */
export function withdrawalsOf(
  legs: readonly Leg[],
  lines: FeedLines,
): LifecycleDraft<WithdrawalState>[] {
  const kept = knownLegs(legs).filter(({ type, data }) => isWithdrawalLeg(type, data));
  const { withdrawals, nodes } = joinWithdrawals(kept, lines);
  const told = withdrawals.map(withdrawalTellers);
  const ids = chooseIds(told.map(candidatesOf));
  return withdrawals.map((joined, at) => {
    const tellers = told[at] ?? withdrawalTellers(joined);
    const folded = foldHistory(withdrawalEntries(joined, nodes, lines), WITHDRAWAL_RULES);
    return {
      id: ids[at] ?? "",
      state: withdrawalState(joined, tellers, folded),
      history: folded.history,
      identifiers: identifiersOf(joined, ids[at] ?? ""),
      anomalies: folded.anomalies,
      legs: distinct(joined.facts.map(({ id }) => id)),
    };
  });
}

/** Request id, else payment id, else the movement that stands for it, else the transfer. */
function candidatesOf({ facts, movements, statuses, payments }: WithdrawalTellers): IdCandidates {
  const requests = distinct(facts.map(requestOf));
  const paid = distinct(payments.map(({ data }) => data.payment));
  const moved = movements.slice(0, 1).map(({ data }) => `movement:${data.movement_id}`);
  const transfers = distinct(statuses.map(({ data }) => data.withdrawal_id));
  const kinds = [requests, paid, moved, transfers];
  const fallback = facts[0]?.id ?? "";
  return {
    rank: kinds.findIndex((ids) => ids.length > 0),
    ids: [...kinds.flatMap((ids) => ids.slice(0, 1)), fallback],
  };
}

function identifiersOf({ facts }: Joined, id: string): string[] {
  return distinct([id, ...facts.flatMap(namesOf)]);
}

function namesOf(fact: AnyKnown): (string | undefined)[] {
  switch (fact.type) {
    case "MovementRecorded": {
      const { movement_id, withdrawal_request_id, client_transfer_id } = fact.data;
      return [movement_id, `movement:${movement_id}`, withdrawal_request_id, client_transfer_id];
    }
    case "WithdrawalStatusReported": {
      const { withdrawal_id, leg_id, client_withdrawal_request_id, reference } = fact.data;
      const hashes = hashNames(fact.data.transaction_hash);
      return [withdrawal_id, leg_id, client_withdrawal_request_id, reference, ...hashes];
    }
    case "PaymentStatusReported": {
      const { payment, payment_id, transaction_id, withdrawal_request_id, reference } = fact.data;
      const hashes = hashNames(fact.data.transaction_hash);
      return [payment, payment_id, transaction_id, withdrawal_request_id, reference, ...hashes];
    }
    default:
      return [];
  }
}
