import type { DataOf } from "@counterfoil/contracts/fact";
import type { WithdrawalRecord, WithdrawalStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import { add, formatMoney, moneyOf, ZERO } from "../exact/money.ts";
import {
  called,
  claimsOf,
  distinct,
  entryOf,
  type FactReading,
  factIdOf,
  firstSaid,
  HOLDER,
  idClaims,
  isPayIn,
  type Known,
  type Lifecycle,
  lastSaid,
  NOTHING_READ,
  pick,
  readingBy,
  readPayment,
} from "./lifecycle-fact.ts";
import {
  type Claim,
  type Fields,
  feeText,
  hashNames,
  holderFields,
  knownId,
  movementClaim,
  movementIds,
  ownerOf,
  paidFee,
  valueIn,
  valuesIn,
  valuesUnder,
} from "./record-fields.ts";
import {
  type HistoryEntry,
  LAYER1_WITHDRAWAL,
  type StageRules,
  stepsAlong,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_WITHDRAWAL,
} from "./stages.ts";
import {
  isWithdrawalReport,
  pairClaims,
  reversalOf,
  sideEntry,
  sideOf,
  WAY,
  waitingClaims,
  wayOrder,
} from "./withdrawal-movement.ts";

const ON_WAY = ["requested", "pending", "approved", "broadcast", "confirmed"] as const;
const ENDS = ["settled", "failed", "rejected", "returned"] as const;

/**
 * A settled bank payment may still be returned, for 60 days. A request that failed or was rejected
 * gives its hold back, before or after the status says so: `returned` is where both end.
 */
export const WITHDRAWAL_RULES: StageRules<WithdrawalStage> = {
  order: [...ON_WAY, ...ENDS],
  retried: ["failed", "rejected", "returned"],
  steps: {
    ...stepsAlong<(typeof ON_WAY)[number], WithdrawalStage>(ON_WAY, ENDS),
    settled: { moves: ["returned"], fills: ON_WAY },
    failed: { moves: ["returned"], fills: [] },
    rejected: { moves: ["returned"], fills: [] },
    returned: { moves: [], fills: ["failed", "rejected"] },
  },
};

export const WITHDRAWALS: Lifecycle = {
  model: "withdrawals",
  version: 8,
  ...readingBy({
    MovementRecorded: { isKept: isWithdrawalMovement, read: readMovement },
    BalanceReported: { isKept: isWithdrawalReport },
    WithdrawalStatusReported: { read: readStatus },
    PaymentStatusReported: { isKept: (payment) => !isPayIn(payment), read: readPaymentOut },
  }),
  rules: WITHDRAWAL_RULES,
  firstStage: "requested",
  ids: ["request", "payment", "movement", "transfer"],
  fieldsOf: withdrawalFields,
};

function isWithdrawalMovement(movement: DataOf<"MovementRecorded">): boolean {
  const { provider, movement_type, withdrawal_request_id } = movement;
  if (provider !== "zerohash") return false;
  return WAY.has(movement_type) || knownId(withdrawal_request_id) !== undefined;
}

function readMovement(fact: Known<"MovementRecorded">): FactReading {
  const { data, at, tie } = fact;
  const { account, movement_id, movement_type = "", change, occurred_at = null } = data;
  const holder = accountParts(account);
  const request = called("request", data.withdrawal_request_id);
  const entry = { stage: null, word: movement_type, source: "movement", occurred_at } as const;
  const read: FactReading = {
    ...NOTHING_READ,
    owner: ownerOf(holder),
    names: [],
    aliases: distinct([movement_id, data.client_transfer_id]),
    entries: [entry],
  };
  if (!WAY.has(movement_type)) return { ...read, mentions: request[0] ?? null };
  const name = { kind: "movement", name: `movement:${movement_id}` };
  const side = sideOf(data);
  // One movement may be stated on several accounts, with one time.
  const order = `${movement_id} ${tie}`;
  return {
    ...read,
    names: [name, ...request],
    entries: [side === null ? entry : sideEntry(side, data)],
    claims: [
      ...claimsOf(wayOrder(side, at, order), {
        ...pick(holder, ...HOLDER),
        amount: change.replace(/^-/, ""),
        "id:movement": name.name,
      }),
      ...(side === null ? [] : waitingClaims(side, at, order)),
      ...(side === null ? [] : pairClaims(side, at, order)),
      ...lastSaid(fact, 0, { reversal: reversalOf(side) && factIdOf(fact.type, data) }),
      movementClaim(movement_id),
      ...idClaims(request),
    ],
    side,
  };
}

/** Statuses before payments; the ledger's movements before both. */
const [STATED, PAID] = [1, 2];

function readStatus(fact: Known<"WithdrawalStatusReported">): FactReading {
  const { data } = fact;
  const isLayer1 = data.provider === "layer1";
  const names = called(isLayer1 ? "transfer" : "request", data.withdrawal_id);
  return {
    ...NOTHING_READ,
    owner: isLayer1 ? "" : ownerOf(data),
    names: names.length > 0 ? names : [{ kind: "content", name: data.content }],
    aliases: distinct([
      data.leg_id,
      data.client_withdrawal_request_id,
      data.reference,
      ...hashNames(data.transaction_hash),
    ]),
    entries: isLayer1 ? legEntries(fact) : requestEntries(fact),
    claims: [...statusClaims(fact), ...idClaims(names)],
  };
}

/** A request's status and its `on_chain_status` are two words of one fact. */
function requestEntries(fact: Known<"WithdrawalStatusReported">): HistoryEntry[] {
  const { status, on_chain_status } = fact.data;
  const source = "status";
  const entry = entryOf(fact, { words: ZERO_HASH_WITHDRAWAL, word: status, source });
  if (on_chain_status === undefined) return [entry];
  const onChain = { words: ZERO_HASH_ON_CHAIN, word: on_chain_status, source } as const;
  return [entry, entryOf(fact, { ...onChain, shown: `on_chain ${on_chain_status}` })];
}

/**
 * Both legs of a transfer report each status; the amount leg's is shown. A fee leg that fails does
 * not fail the transfer.
 */
function legEntries(fact: Known<"WithdrawalStatusReported">): HistoryEntry[] {
  const { leg, status } = fact.data;
  const entry = entryOf(fact, { words: LAYER1_WITHDRAWAL, word: status, source: "status" });
  const slot = { key: status.toLowerCase(), rank: leg === "fee" ? "1" : "0" };
  const isEnd = entry.stage === "failed" || entry.stage === "rejected";
  return [{ ...entry, slot, stage: leg === "fee" && isEnd ? null : entry.stage }];
}

function statusClaims(fact: Known<"WithdrawalStatusReported">): Claim[] {
  const { data } = fact;
  const isFee = data.leg === "fee";
  const amount = data.leg_id === undefined ? "amount" : `${isFee ? "fee" : "leg"}:${data.leg_id}`;
  return [
    ...firstSaid(fact, STATED, isFee ? pick(data, "network", "provider") : pick(data, ...HOLDER)),
    ...lastSaid(fact, STATED, {
      [amount]: data.amount,
      paid_fee: feeText(data),
      fee_leg_asset: isFee ? data.asset : undefined,
      transfer_id: data.provider === "layer1" ? data.withdrawal_id : undefined,
      settled_amount: data.settled_amount,
    }),
    // Where a payment says otherwise, it is the later news.
    ...lastSaid(fact, PAID, pick(data, ...SENT)),
  ];
}

const SENT = ["transaction_hash", "destination_address", "reason", "reason_code"] as const;

/** Any payment that sends money out, also one that nobody calls a payout. */
function readPaymentOut(fact: Known<"PaymentStatusReported">): FactReading {
  const { data } = fact;
  const request = called("request", data.withdrawal_request_id);
  const read = readPayment(fact, ZERO_HASH_WITHDRAWAL);
  // A payment of which only the digest of its body is known has no id.
  const paymentIds = distinct([knownId(data.payment_id), knownId(data.transaction_id)]);
  return {
    ...read,
    names: [...read.names, ...request],
    claims: [
      ...firstSaid(fact, PAID, pick(data, ...HOLDER)),
      ...lastSaid(fact, PAID, {
        ...pick(data, "amount", "total", "quoted_currency"),
        paid_fee: feeText(data),
        beneficiary: data.beneficiary_code,
      }),
      ...lastSaid(fact, STATED, pick(data, ...SENT)),
      ...paymentIds.map((id) => ({ field: "payment_id", order: id, value: id })),
      ...idClaims([{ kind: "payment", name: data.payment }, ...request]),
    ],
  };
}

function withdrawalFields(fields: Fields, taken: string | null): Partial<WithdrawalRecord> {
  const legs = valuesUnder(fields, "leg:");
  return {
    ...holderFields(fields),
    amount: legs.length > 0 ? sum(legs) : valueIn(fields, "amount"),
    settled_amount: taken ?? valueIn(fields, "settled_amount"),
    ...valuesIn(fields, "total", "quoted_currency"),
    ...feeOf(fields),
    beneficiary: valueIn(fields, "beneficiary"),
    identifiers: {
      withdrawal_request_id: valueIn(fields, "id:request"),
      ...valuesIn(fields, "payment_id", "transaction_hash", "transfer_id"),
      movement_ids: movementIds(fields),
    },
    ...valuesIn(fields, "destination_address", "reason", "reason_code"),
  };
}

function feeOf(fields: Fields) {
  const legs = valuesUnder(fields, "fee:");
  return legs.length > 0
    ? { fee: sum(legs), fee_asset: valueIn(fields, "fee_leg_asset") }
    : paidFee(fields);
}

const sum = (amounts: readonly string[]): string =>
  formatMoney(amounts.map(moneyOf).reduce(add, ZERO));
