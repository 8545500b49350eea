import type { WithdrawalRecord } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import { absolute, formatMoney, moneyOf } from "../exact/money.ts";
import type { FeedLines } from "../feed-lines.ts";
import type { LifecycleDraft } from "./draft.ts";
import { distinct, firstOf, hashNames, lastOf, splitAsset } from "./facets.ts";
import { type FoldedHistory, foldHistory } from "./history.ts";
import {
  type AnyKnown,
  compareText,
  compareTimes,
  type Known,
  knownLegs,
  type Leg,
  nanosOf,
} from "./leg.ts";
import { chooseIds, type IdCandidates } from "./record-id.ts";
import { withdrawalEntries } from "./withdrawal-history.ts";
import { type Joined, joinWithdrawals } from "./withdrawal-joins.ts";
import { requestOf } from "./withdrawal-keys.ts";
import { WITHDRAWAL_RULES } from "./withdrawal-rules.ts";
import { compareUnits, type Movement } from "./withdrawal-units.ts";

/** The record but for what depends on the stream or the clock. */
export type WithdrawalState = Readonly<
  Omit<WithdrawalRecord, "id" | "stuck" | "position" | "history">
>;

type Status = Known<"WithdrawalStatusReported">;
type Payment = Known<"PaymentStatusReported">;

/** The withdrawals that a cluster of legs tells of. Total: whatever the legs say, none is refused. */
export function withdrawalsOf(
  legs: readonly Leg[],
  lines: FeedLines,
): LifecycleDraft<WithdrawalState>[] {
  const joins = joinWithdrawals(knownLegs(legs), lines);
  const told = joins.withdrawals.map((joined) => tellersOf(joined));
  const ids = chooseIds(told.map(candidatesOf));
  return joins.withdrawals.map((joined, at) => {
    const tellers = told[at] ?? tellersOf(joined);
    const folded = foldHistory(withdrawalEntries(joined, joins), WITHDRAWAL_RULES);
    return {
      id: ids[at] ?? "",
      state: stateOf(joined, tellers, folded),
      history: folded.history,
      identifiers: identifiersOf(joined, ids[at] ?? ""),
      anomalies: folded.anomalies,
      legs: distinct(joined.facts.map(({ id }) => id)),
    };
  });
}

/** Who tells of a withdrawal, by kind: movements in the order of its way, the others by time. */
type Tellers = Readonly<{
  facts: readonly AnyKnown[];
  movements: readonly Movement[];
  statuses: readonly Status[];
  payments: readonly Payment[];
}>;

function tellersOf({ facts, units }: Joined): Tellers {
  const byTime = [...facts].sort(compareFacts);
  const ofUnits = [...units].sort(compareUnits).map(({ sides }) => sides[0]);
  const others = byTime.filter((fact) => fact.type === "MovementRecorded");
  return {
    facts: byTime,
    movements: [...ofUnits, ...others],
    statuses: byTime.filter((fact) => fact.type === "WithdrawalStatusReported"),
    payments: byTime.filter((fact) => fact.type === "PaymentStatusReported"),
  };
}

function compareFacts(a: AnyKnown, b: AnyKnown): number {
  const [left, right] = [timeOfFact(a), timeOfFact(b)];
  return compareTimes(nanosOf(left), nanosOf(right)) || compareText(a.id, b.id);
}

const timeOfFact = ({ data }: AnyKnown): string | undefined => data.occurred_at;

/** Request id, else payment id, else the movement that stands for it, else the transfer. */
function candidatesOf({ facts, movements, statuses, payments }: Tellers): IdCandidates {
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

function stateOf(
  { link }: Joined,
  tellers: Tellers,
  folded: FoldedHistory<WithdrawalState["stage"]>,
): WithdrawalState {
  const { facts, statuses, payments } = tellers;
  const said = [...statuses, ...payments];
  return {
    provider: facts[0]?.data.provider ?? "zerohash",
    // A record whose only words are unknown has been asked for, whatever they mean.
    stage: folded.stage ?? "requested",
    provider_status: folded.providerStatus,
    link,
    ...ownerOf(tellers),
    ...amountsOf(tellers),
    opened_at: folded.openedAt,
    updated_at: folded.updatedAt,
    identifiers: {
      withdrawal_request_id: distinct(facts.map(requestOf))[0] ?? null,
      payment_id: distinct(payments.map(paymentName))[0] ?? null,
      transaction_hash: lastOf(said, ({ data }) => data.transaction_hash),
      transfer_id: firstOf(statuses.filter(isLayer1), ({ data }) => data.withdrawal_id),
      movement_ids: distinct(tellers.movements.map(({ data }) => data.movement_id)),
    },
    destination_address: lastOf(said, ({ data }) => data.destination_address),
    reason: lastOf(said, ({ data }) => data.reason),
    reason_code: lastOf(said, ({ data }) => data.reason_code),
  };
}

const isLayer1 = ({ data }: Status): boolean => data.provider === "layer1";

/** A payment of which only the digest of its body is known has no id. */
const paymentName = ({ data }: Payment): string | undefined =>
  data.payment_id ?? data.transaction_id;

/** Where a payment says otherwise, the ledger's movements stand (DOMAIN 10.18). */
function ownerOf({ movements, statuses, payments }: Tellers) {
  const parts = movements.slice(0, 1).map(({ data }) => accountParts(data.account))[0];
  const said = [...statuses.filter(({ data }) => data.leg !== "fee"), ...payments];
  const asset = parts?.asset ?? firstOf(said, ({ data }) => data.asset);
  return {
    participant_code: parts?.participant_code ?? firstOf(said, ({ data }) => data.participant_code),
    account_group: parts?.account_group ?? firstOf(said, ({ data }) => data.account_group),
    account_label: parts?.account_label ?? firstOf(said, ({ data }) => data.account_label),
    asset,
    network:
      firstOf([...statuses, ...payments], ({ data }) => data.network) ??
      (asset === null ? null : (splitAsset(asset).network ?? null)),
  };
}

function amountsOf({ movements, statuses, payments }: Tellers) {
  const moved = firstOf(movements, ({ data }) => formatMoney(absolute(moneyOf(data.change))));
  const fees = statuses.filter(({ data }) => data.leg === "fee" && data.amount !== undefined);
  const feeLeg = fees.at(-1)?.data;
  const paid = [...payments, ...statuses].findLast(({ data }) => data.fee !== undefined)?.data;
  return {
    amount:
      moved ??
      lastOf(statuses, ({ data }) => (data.leg === "fee" ? undefined : data.amount)) ??
      lastOf(payments, ({ data }) => data.amount),
    fee: feeLeg?.amount ?? paid?.fee ?? null,
    fee_asset: (feeLeg ? feeLeg.asset : paid?.fee_asset) ?? null,
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
