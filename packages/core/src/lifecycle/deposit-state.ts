import type { DepositRecord, DepositStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import type { JoinedDeposit } from "./deposit-joins.ts";
import { distinct, firstOf, lastOf, splitAsset } from "./facets.ts";
import type { FoldedHistory } from "./history.ts";
import { type AnyKnown, compareFacts, type Known } from "./leg.ts";

/** The record but for what depends on the stream or the clock. */
export type DepositState = Readonly<Omit<DepositRecord, "id" | "stuck" | "position" | "history">>;

type Status = Known<"DepositStatusReported">;
type Movement = Known<"MovementRecorded">;
type Fund = Known<"FundReported">;

/** Who tells of a deposit, by kind, each in order of time. */
export type DepositTellers = Readonly<{
  facts: readonly AnyKnown[];
  statuses: readonly Status[];
  movements: readonly Movement[];
  funds: readonly Fund[];
}>;

/** The legs of one deposit, sorted into who says what. */
export function depositTellers({ facts }: JoinedDeposit): DepositTellers {
  const byTime = [...facts].sort(compareFacts);
  return {
    facts: byTime,
    statuses: byTime.filter((fact) => fact.type === "DepositStatusReported"),
    movements: byTime.filter((fact) => fact.type === "MovementRecorded"),
    funds: byTime.filter((fact) => fact.type === "FundReported"),
  };
}

/** The record's fields: what was booked before what was reported. */
export function depositState(
  { link }: JoinedDeposit,
  tellers: DepositTellers,
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

function identifiersOf({
  statuses,
  movements,
  funds,
}: DepositTellers): DepositState["identifiers"] {
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
function ownerOf({ movements, statuses, funds }: DepositTellers) {
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
