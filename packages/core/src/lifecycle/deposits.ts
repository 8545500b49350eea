import type { DepositRecord, DepositStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import { type JoinedDeposit, joinDeposits } from "./deposit-joins.ts";
import { DEPOSIT_RULES } from "./deposit-rules.ts";
import type { EntryDraft, LifecycleDraft } from "./draft.ts";
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
import { LAYER1_DEPOSIT, stageOfWord, ZERO_HASH_DEPOSIT } from "./words.ts";

/** The record but for what depends on the stream or the clock. */
export type DepositState = Readonly<Omit<DepositRecord, "id" | "stuck" | "position" | "history">>;

type Status = Known<"DepositStatusReported">;
type Movement = Known<"MovementRecorded">;
type Fund = Known<"FundReported">;

/** The deposits that a cluster of legs tells of. Total: whatever the legs say, none is refused. */
export function depositsOf(legs: readonly Leg[]): LifecycleDraft<DepositState>[] {
  const joined = joinDeposits(knownLegs(legs));
  const told = joined.map(tellersOf);
  const ids = chooseIds(told.map(candidatesOf));
  return joined.map((deposit, at) => {
    const folded = foldHistory(deposit.facts.flatMap(entriesOf), DEPOSIT_RULES);
    return {
      id: ids[at] ?? "",
      state: stateOf(deposit, told[at] ?? tellersOf(deposit), folded),
      history: folded.history,
      identifiers: distinct([ids[at], ...deposit.facts.flatMap(namesOf)]),
      anomalies: folded.anomalies,
      legs: distinct(deposit.facts.map(({ id }) => id)),
    };
  });
}

/** Who tells of a deposit, by kind, each in order of time. */
type Tellers = Readonly<{
  facts: readonly AnyKnown[];
  statuses: readonly Status[];
  movements: readonly Movement[];
  funds: readonly Fund[];
}>;

function tellersOf({ facts }: JoinedDeposit): Tellers {
  const byTime = [...facts].sort(compareFacts);
  return {
    facts: byTime,
    statuses: byTime.filter((fact) => fact.type === "DepositStatusReported"),
    movements: byTime.filter((fact) => fact.type === "MovementRecorded"),
    funds: byTime.filter((fact) => fact.type === "FundReported"),
  };
}

const compareFacts = (a: AnyKnown, b: AnyKnown): number =>
  compareTimes(nanosOf(a.data.occurred_at), nanosOf(b.data.occurred_at)) || compareText(a.id, b.id);

/** deposit_id (Layer1: the transfer), else the movement, else the fund event. */
function candidatesOf({ facts, statuses, movements, funds }: Tellers): IdCandidates {
  const stated = distinct(statuses.map(({ data }) => data.deposit_id));
  const moved = distinct(movements.map(({ data }) => `movement:${data.movement_id}`));
  const funded = distinct(funds.map(({ data }) => `fund:${data.fund}`));
  const kinds = [stated, moved, funded];
  return {
    rank: kinds.findIndex((ids) => ids.length > 0),
    ids: [...kinds.flatMap((ids) => ids.slice(0, 1)), facts[0]?.id ?? ""],
  };
}

function entriesOf(fact: AnyKnown): EntryDraft<DepositStage>[] {
  const entry = {
    occurred_at: fact.data.occurred_at ?? null,
    effective_at: fact.data.occurred_at ?? null,
    leg: fact.id,
    position: fact.state.position,
    deliveryId: fact.state.deliveryId,
  };
  switch (fact.type) {
    case "MovementRecorded":
      return [{ ...entry, source: "movement", stage: "credited", provider_status: "deposit" }];
    case "DepositStatusReported": {
      const words = fact.data.provider === "layer1" ? LAYER1_DEPOSIT : ZERO_HASH_DEPOSIT;
      const { status } = fact.data;
      return [
        { ...entry, source: "status", stage: stageOfWord(words, status), provider_status: status },
      ];
    }
    case "FundReported":
      return [{ ...entry, source: "fund", ...fundStep(fact) }];
    default:
      return [];
  }
}

/**
 * `success: false` says that nothing was converted; the deposit has been seen all the same, and
 * most often credited. Only a session that expired says that no money came (DOMAIN 5.3).
 */
function fundStep({ data }: Fund): {
  stage: DepositStage;
  provider_status: string;
  atLeast: boolean;
} {
  if (data.success) return { stage: "credited", provider_status: "success", atLeast: false };
  const provider_status = data.success === false ? "failure" : "unknown";
  return isExpired(data)
    ? { stage: "failed", provider_status, atLeast: false }
    : { stage: "detected", provider_status, atLeast: true };
}

const isExpired = ({ reason, reason_code }: Fund["data"]): boolean =>
  reason_code === "DEPOSIT_WINDOW_EXPIRED" || /\bsession\b.*\bexpired\b/i.test(reason ?? "");

function stateOf(
  { link }: JoinedDeposit,
  tellers: Tellers,
  folded: FoldedHistory<DepositStage>,
): DepositState {
  const { facts, statuses, movements, funds } = tellers;
  const fee = statuses.findLast(({ data }) => data.fee !== undefined)?.data;
  const said = [...funds, ...statuses];
  return {
    provider: facts[0]?.data.provider ?? "zerohash",
    // A record whose only words are unknown has been seen, whatever they mean.
    stage: folded.stage ?? "detected",
    provider_status: folded.providerStatus,
    link,
    ...ownerOf(tellers),
    amount:
      firstOf(movements, ({ data }) => data.change) ??
      lastOf(statuses, ({ data }) => data.amount) ??
      lastOf(funds, ({ data }) => data.quantity),
    fee: fee?.fee ?? null,
    fee_asset: fee?.fee_asset ?? null,
    opened_at: folded.openedAt,
    updated_at: folded.updatedAt,
    identifiers: identifiersOf(tellers),
    source_address: lastOf(said, ({ data }) => data.source_address),
    received_address:
      lastOf(statuses, ({ data }) => data.received_address) ??
      lastOf(funds, ({ data }) => data.deposit_address),
    reference:
      firstOf(movements, ({ data }) => data.deposit_reference_id) ??
      lastOf(statuses, ({ data }) => data.reference),
    reason: lastOf(said, ({ data }) => data.reason),
    reason_code: lastOf(said, ({ data }) => data.reason_code),
    fund: fundOf(funds),
  };
}

function identifiersOf({ statuses, movements, funds }: Tellers): DepositState["identifiers"] {
  const idOf = (provider: string) =>
    firstOf(
      statuses.filter(({ data }) => data.provider === provider),
      ({ data }) => data.deposit_id,
    );
  return {
    deposit_id: idOf("zerohash"),
    transfer_id: idOf("layer1"),
    transaction_hash: lastOf([...funds, ...statuses], ({ data }) => data.transaction_hash),
    movement_ids: distinct(movements.map(({ data }) => data.movement_id)),
    fund_id: lastOf(funds, ({ data }) => data.fund_id),
  };
}

/** The account that was credited stands; until then it is what the reports say. */
function ownerOf({ movements, statuses, funds }: Tellers) {
  const account = movements[0]?.data.account;
  const parts = account === undefined ? null : accountParts(account);
  const said = [...statuses, ...funds];
  const asset = parts?.asset ?? firstOf(said, ({ data }) => data.asset);
  return {
    participant_code: parts?.participant_code ?? firstOf(said, ({ data }) => data.participant_code),
    account_group: parts?.account_group ?? null,
    account_label: parts?.account_label ?? firstOf(said, ({ data }) => data.account_label),
    asset,
    network:
      firstOf(said, ({ data }) => data.network) ??
      (asset === null ? null : (splitAsset(asset).network ?? null)),
  };
}

function fundOf(funds: readonly Fund[]): DepositState["fund"] {
  const last = funds.at(-1)?.data;
  if (!last) return null;
  return {
    fund_id: last.fund_id ?? null,
    success: last.success ?? null,
    reason: last.reason ?? null,
    reason_code: last.reason_code ?? null,
    rate: last.rate ?? null,
    notional: last.notional ?? null,
    quoted_currency: last.quoted_currency ?? null,
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
