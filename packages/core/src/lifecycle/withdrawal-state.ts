import type { WithdrawalRecord } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import { absolute, formatMoney, moneyOf } from "../exact/money.ts";
import { distinct, firstOf, lastOf, splitAsset } from "./facets.ts";
import type { FoldedHistory } from "./history.ts";
import { type AnyKnown, compareFacts, type Known } from "./leg.ts";
import type { Joined } from "./withdrawal-joins.ts";
import { requestOf } from "./withdrawal-keys.ts";
import { compareUnits, type Movement } from "./withdrawal-units.ts";

/** The record but for what depends on the stream or the clock. */
export type WithdrawalState = Readonly<
  Omit<WithdrawalRecord, "id" | "stuck" | "position" | "history">
>;

type Status = Known<"WithdrawalStatusReported">;
type Payment = Known<"PaymentStatusReported">;

/** Who tells of a withdrawal, by kind: movements in the order of its way, the others by time. */
export type WithdrawalTellers = Readonly<{
  facts: readonly AnyKnown[];
  movements: readonly Movement[];
  statuses: readonly Status[];
  payments: readonly Payment[];
}>;

/** The legs of one withdrawal, sorted into who says what. */
export function withdrawalTellers({ facts, units }: Joined): WithdrawalTellers {
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

/** The record's fields: the ledger before the statuses, those before the payments. */
export function withdrawalState(
  { link }: Joined,
  tellers: WithdrawalTellers,
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
function ownerOf({ movements, statuses, payments }: WithdrawalTellers) {
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

function amountsOf({ movements, statuses, payments }: WithdrawalTellers) {
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
