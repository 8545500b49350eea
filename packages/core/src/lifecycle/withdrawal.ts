import type { DataOf } from "@counterfoil/contracts/fact";
import type { WithdrawalRecord, WithdrawalStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import { add, formatMoney, moneyOf, ZERO } from "../exact/money.ts";
import {
  claimsOf,
  type DatedFact,
  dispatchByType,
  distinct,
  EMPTY_READING,
  earliestClaims,
  entryOf,
  type FactReading,
  HOLDER_FIELDS,
  idClaims,
  isPayIn,
  type Lifecycle,
  latestClaims,
  namesOf,
  pick,
  readPayment,
} from "./lifecycle-fact.ts";
import {
  agreedClaims,
  type Claim,
  disagreementsIn,
  type Fields,
  feeText,
  hashNames,
  holderFields,
  knownId,
  movementClaim,
  movementIds,
  ownerOf,
  paidFee,
  type Sums,
  splitAsset,
  valueIn,
  valuesIn,
  valuesUnder,
} from "./record-fields.ts";
import {
  type HistoryEntry,
  LAYER1_WITHDRAWAL,
  type StageRules,
  stageOfWord,
  stepsThrough,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_WITHDRAWAL,
} from "./stages.ts";
import {
  contradictionsIn,
  endClaims,
  endsOf,
  isUnfinished,
  legEndClaims,
  movedAmount,
  SENT,
  STATED_END,
  settledAmount,
  sumsOf,
} from "./withdrawal-end.ts";
import {
  isWithdrawalReport,
  sideEntry,
  sideOf,
  stepOrder,
  WITHDRAWAL_STEPS,
  waitingClaims,
} from "./withdrawal-movement.ts";

const IN_PROGRESS = ["requested", "pending", "approved", "broadcast", "confirmed"] as const;
const FINAL = ["settled", "failed", "rejected", "returned"] as const;

/**
 * A settled bank payment may still be returned, for 60 days. A request that failed or was rejected
 * releases its hold, before or after the status says so: both end as `returned`.
 */
export const WITHDRAWAL_RULES: StageRules<WithdrawalStage> = {
  order: [...IN_PROGRESS, ...FINAL],
  reopened: { retries: ["failed", "rejected", "returned"] },
  steps: {
    ...stepsThrough<(typeof IN_PROGRESS)[number], WithdrawalStage>(IN_PROGRESS, FINAL),
    settled: { moves: ["returned"], fills: IN_PROGRESS },
    failed: { moves: ["returned"], fills: [] },
    rejected: { moves: ["returned"], fills: [] },
    returned: { moves: [], fills: ["failed", "rejected"] },
  },
};

export const WITHDRAWALS: Lifecycle = {
  model: "withdrawals",
  version: 12,
  ...dispatchByType({
    MovementRecorded: { isKept: isWithdrawalMovement, read: readMovement },
    BalanceReported: { isKept: isWithdrawalReport },
    WithdrawalStatusReported: { read: readStatus },
    PaymentStatusReported: { isKept: (payment) => !isPayIn(payment), read: readPaymentOut },
  }),
  rules: WITHDRAWAL_RULES,
  firstStage: "requested",
  resting: FINAL,
  isUnfinished,
  ids: ["request", "payment", "movement", "transfer"],
  fieldsOf: withdrawalFields,
  endsOf,
  contradictionsIn: (fields, sums) => [
    ...disagreementsIn(fields),
    ...contradictionsIn({ ...sums, [SENT]: valueIn(fields, SENT) ?? "0" }),
  ],
};

function isWithdrawalMovement(movement: DataOf<"MovementRecorded">): boolean {
  const { provider, movement_type, withdrawal_request_id } = movement;
  if (provider !== "zerohash") return false;
  return WITHDRAWAL_STEPS.has(movement_type) || knownId(withdrawal_request_id) !== undefined;
}

function readMovement(fact: DatedFact<"MovementRecorded">): FactReading {
  const { data, at, tie } = fact;
  const { account, movement_id, movement_type = "", change, occurred_at = null } = data;
  const holder = accountParts(account);
  const request = namesOf("request", data.withdrawal_request_id);
  const entry = { stage: null, word: movement_type, source: "movement", occurred_at } as const;
  const read: FactReading = {
    ...EMPTY_READING,
    owner: ownerOf(holder),
    names: [],
    aliases: distinct([movement_id, data.client_transfer_id]),
    entries: [entry],
  };
  if (!WITHDRAWAL_STEPS.has(movement_type)) return { ...read, mentions: request[0] ?? null };
  const name = { kind: "movement", name: `movement:${movement_id}` };
  const side = sideOf(data);
  // One movement may be stated on several accounts with equal times.
  const order = `${movement_id} ${tie}`;
  return {
    ...read,
    names: [name, ...request],
    entries: [side === null ? entry : sideEntry(side, data)],
    claims: [
      ...claimsOf(stepOrder(side, at, order), {
        ...pick(holder, ...HOLDER_FIELDS),
        amount: change.replace(/^-/, ""),
        "id:movement": name.name,
      }),
      ...(side === null ? [] : waitingClaims(side, at, order)),
      ...(side === null ? [] : endClaims(side, fact)),
      movementClaim(movement_id),
      ...idClaims(request),
    ],
    sums: side === null ? {} : sumsOf(side),
    side,
  };
}

/** Weights of claims: statuses before payments. The ledger's movements, with 0, precede both. */
const [REPORTED, PAID] = [1, 2];

function readStatus(fact: DatedFact<"WithdrawalStatusReported">): FactReading {
  const { data } = fact;
  const isLayer1 = data.provider === "layer1";
  const names = namesOf(isLayer1 ? "transfer" : "request", data.withdrawal_id);
  return {
    ...EMPTY_READING,
    owner: isLayer1 ? "" : ownerOf(data),
    names: names.length > 0 ? names : [{ kind: "content", name: data.content }],
    aliases: distinct([
      data.leg_id,
      data.client_withdrawal_request_id,
      data.reference,
      ...hashNames(data.transaction_hash),
    ]),
    entries: isLayer1 ? legEntries(fact) : requestEntries(fact),
    claims: [...statusClaims(fact), ...(isLayer1 ? [] : statedEndClaims(fact)), ...idClaims(names)],
  };
}

/** A request's status and its `on_chain_status` are two entries of one fact. */
function requestEntries(fact: DatedFact<"WithdrawalStatusReported">): HistoryEntry[] {
  const { status, on_chain_status } = fact.data;
  const source = "status";
  const entry = entryOf(fact, { words: ZERO_HASH_WITHDRAWAL, word: status, source });
  if (on_chain_status === undefined) return [entry];
  const onChain = { words: ZERO_HASH_ON_CHAIN, word: on_chain_status, source } as const;
  return [entry, entryOf(fact, { ...onChain, shown: `on_chain ${on_chain_status}` })];
}

/**
 * Both legs of a transfer report each status; the one of the amount leg is shown. Only the
 * amount leg ends the transfer, since the network takes its fee for a failed transaction too.
 */
function legEntries(fact: DatedFact<"WithdrawalStatusReported">): HistoryEntry[] {
  const { leg, status } = fact.data;
  const entry = entryOf(fact, { words: LAYER1_WITHDRAWAL, word: status, source: "status" });
  const slot = { key: status.toLowerCase(), rank: leg === "fee" ? "1" : "0" };
  const isEnd = entry.stage !== null && ENDS.has(entry.stage);
  const isUndecided = leg === "fee" ? isEnd : entry.stage === "settled";
  return [{ ...entry, slot, stage: isUndecided ? null : entry.stage }];
}

const ENDS: ReadonlySet<string> = new Set(FINAL);

/** The claim of a status to be the last that states an end; of one time, the one that comes after. */
function statedEndClaims(
  fact: DatedFact<"WithdrawalStatusReported"> | DatedFact<"PaymentStatusReported">,
): Claim[] {
  const stage = stageOfWord(ZERO_HASH_WITHDRAWAL, fact.data.status);
  if (!stage || !ENDS.has(stage)) return [];
  const { order } = WITHDRAWAL_RULES;
  const tie = `${order.length - order.indexOf(stage)}${fact.tie}`;
  return latestClaims({ ...fact, tie }, 0, { [STATED_END]: stage });
}

/** How an amount leg of a transfer ended; the transfer settles when all of them did. */
function endOfLeg({ provider, leg, status }: DataOf<"WithdrawalStatusReported">) {
  const stage = provider === "layer1" ? stageOfWord(LAYER1_WITHDRAWAL, status) : undefined;
  return leg !== "fee" && stage && ENDS.has(stage) ? stage : undefined;
}

function statusClaims(fact: DatedFact<"WithdrawalStatusReported">): Claim[] {
  const { data } = fact;
  const isFee = data.leg === "fee";
  const isLayer1 = data.provider === "layer1";
  const amount = data.leg_id === undefined ? "amount" : `${isFee ? "fee" : "leg"}:${data.leg_id}`;
  return [
    ...earliestClaims(
      fact,
      REPORTED,
      isFee ? pick(data, "network", "provider") : pick(data, ...HOLDER_FIELDS),
    ),
    ...latestClaims(fact, REPORTED, {
      [amount]: data.amount,
      paid_fee: feeText(data),
      fee_leg_asset: isFee ? data.asset : undefined,
      transfer_id: isLayer1 ? data.withdrawal_id : undefined,
      settled_amount: data.settled_amount,
    }),
    ...(endOfLeg(data) === "settled" ? legEndClaims(data.leg_id ?? "", fact) : []),
    ...agreedClaims(isFee ? {} : agreedIn(data)),
    // A payment's own values take precedence, since they are newer.
    ...latestClaims(fact, PAID, pick(data, ...SENT_FIELDS)),
  ];
}

/** What the statuses of a request, or of an amount leg, agree in, and how amount legs end. */
function agreedIn(data: DataOf<"WithdrawalStatusReported">) {
  return data.provider === "layer1"
    ? { [`amount of ${data.leg_id}`]: data.amount, end_of_legs: endOfLeg(data) }
    : { requested_amount: data.amount };
}

const SENT_FIELDS = ["transaction_hash", "destination_address", "reason", "reason_code"] as const;

/** Reads any payment that sends money out, whether or not it is called a payout. */
function readPaymentOut(fact: DatedFact<"PaymentStatusReported">): FactReading {
  const { data } = fact;
  const request = namesOf("request", data.withdrawal_request_id);
  const read = readPayment(fact, ZERO_HASH_WITHDRAWAL);
  // A payment that is known only by the digest of its body has no id.
  const paymentIds = distinct([knownId(data.payment_id), knownId(data.transaction_id)]);
  return {
    ...read,
    names: [...read.names, ...request],
    claims: [
      ...earliestClaims(fact, PAID, pick(data, ...HOLDER_FIELDS)),
      ...latestClaims(fact, PAID, {
        ...pick(data, "amount", "total", "quoted_currency"),
        paid_fee: feeText(data),
        beneficiary: data.beneficiary_code,
        [SENT]: sentAmount(data),
      }),
      ...latestClaims(fact, REPORTED, pick(data, ...SENT_FIELDS)),
      ...agreedClaims({ paid_amount: data.amount }),
      ...statedEndClaims(fact),
      ...paymentIds.map((id) => ({ field: "payment_id", order: id, value: id })),
      ...idClaims([{ kind: "payment", name: data.payment }, ...request]),
    ],
  };
}

/**
 * What a payment takes from the hold at least. Whether a fee in the same asset is held with it is
 * documented nowhere, so the amount is known only if the fee is stated to be in another asset.
 */
function sentAmount({ asset, amount, fee_asset }: DataOf<"PaymentStatusReported">) {
  const isWhole = asset && fee_asset && splitAsset(asset).base !== splitAsset(fee_asset).base;
  return isWhole ? amount : undefined;
}

function withdrawalFields(fields: Fields, sums: Sums): Partial<WithdrawalRecord> {
  const amount = valueIn(fields, "amount");
  const legs = valuesUnder(fields, "leg:");
  return {
    ...holderFields(fields),
    amount: legs.length > 0 ? sum(legs) : (movedAmount(sums, amount) ?? amount),
    settled_amount: settledAmount(sums) ?? valueIn(fields, "settled_amount"),
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
