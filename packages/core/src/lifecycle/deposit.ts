import type { DataOf } from "@counterfoil/contracts/fact";
import type { DepositRecord, DepositStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import type { DepositPart } from "./deposit-parts.ts";
import {
  type AnyDatedFact,
  type DatedFact,
  dispatchByType,
  distinct,
  EMPTY_READING,
  type End,
  earliestClaims,
  entryOf,
  type FactReading,
  factIdOf,
  HOLDER_FIELDS,
  idClaims,
  isPayIn,
  type Lifecycle,
  latestClaims,
  namesOf,
  pick,
  readPayment,
  SHOWS,
} from "./lifecycle-fact.ts";
import {
  agreedClaims,
  type Claim,
  disagreementsIn,
  excessesIn,
  type Fields,
  feeText,
  hashNames,
  holderFields,
  knownId,
  movementClaim,
  movementIds,
  netOf,
  normalHash,
  ownerOf,
  paidFee,
  type Sums,
  splitAsset,
  sumIn,
  valueIn,
  valuesIn,
} from "./record-fields.ts";
import {
  BANK_DEPOSIT,
  type HistoryEntry,
  LAYER1_DEPOSIT,
  type StageRules,
  stepsThrough,
  ZERO_HASH_DEPOSIT,
} from "./stages.ts";

const IN_PROGRESS = ["detected", "unconfirmed", "confirmed", "screening", "held"] as const;
const OUTCOMES = ["quarantined", "credited"] as const;
const FINAL = ["failed", "rejected", "returned"] as const;

/**
 * Any stage may follow a quarantine. A person ends it, which takes longer than the second in which
 * statuses are printed: of a credit of the same time it is the later one, so that no rule allows it. A
 * credited deposit is undone by a movement that reverses it, or by a bank's return.
 */
export const DEPOSIT_RULES: StageRules<DepositStage> = {
  order: [...IN_PROGRESS, "credited", "quarantined", "returned", "failed", "rejected"],
  reopened: { retries: FINAL, rebooks: ["returned"] },
  steps: {
    ...stepsThrough<(typeof IN_PROGRESS)[number], DepositStage>(IN_PROGRESS, [
      ...OUTCOMES,
      ...FINAL,
    ]),
    credited: { moves: ["returned"], fills: IN_PROGRESS },
    returned: { moves: [], fills: [...IN_PROGRESS, "credited", "failed", "rejected"] },
    failed: { moves: ["returned"], fills: [] },
    rejected: { moves: ["returned"], fills: [] },
    quarantined: { moves: [...IN_PROGRESS, "credited", ...FINAL], fills: [] },
  },
};

export const DEPOSITS: Lifecycle = {
  model: "deposits",
  version: 12,
  ...dispatchByType({
    MovementRecorded: { isKept: isDepositMovement, read: readMovement },
    DepositStatusReported: { read: readStatus },
    PaymentStatusReported: { isKept: isPayIn, read: readPaymentIn },
    FundReported: { read: readFund },
  }),
  rules: DEPOSIT_RULES,
  firstStage: "detected",
  resting: [...OUTCOMES, ...FINAL],
  ids: ["deposit", "payment", "movement", "fund", "transfer"],
  fieldsOf: depositFields,
  endsOf: (_fields, sums) => bookingEnds(sums),
  contradictionsIn: (fields, sums) => [
    ...disagreementsIn(fields),
    ...excessesIn(sums, [["undone", "booked"]]),
  ],
};

/** Whether a movement books a deposit, or reverses one: a reversal names the same reference. */
function isDepositMovement(movement: DataOf<"MovementRecorded">): boolean {
  const { provider, movement_type = "", change, deposit_reference_id } = movement;
  if (provider !== "zerohash" || change === "0") return false;
  if (!change.startsWith("-")) return movement_type === "deposit";
  return knownId(deposit_reference_id) !== undefined && !NO_REVERSAL.test(movement_type);
}

/**
 * The provider's movement types that spend a deposit, and do not undo it. How it calls a reversal is
 * documented nowhere, so any other type may be one.
 */
const NO_REVERSAL =
  /settlement|conver|trade|transfer|_fee$|commission|margin|swap|loan|interest|repayment|stake/i;

/** A deposit is returned once all was taken back, and credited again by a booking after that. */
function bookingEnds(sums: Sums): Readonly<Record<string, End>> {
  if (sums.undone === undefined) return {};
  return sumIn(sums, "undone").lessThan(sumIn(sums, "booked"))
    ? { [SHOWS.lastBooking]: { stage: "credited", mode: "rebooks" } }
    : { [SHOWS.lastReversal]: { stage: "returned" } };
}

/** The values in which two reports of one deposit agree. */
type Agreed = Readonly<
  Partial<
    Record<"participant_code" | "account_group" | "account_label", string | null | undefined>
  > &
    Partial<Record<"asset" | "network" | "amount" | "hash", string | undefined>>
>;

/**
 * Claims to the class of a report: reports of one class may be joined to one deposit. Network and group
 * are not part of it, since a report may omit them, nor the amount, since a deposit may be taken back
 * in part. A report without a hash or an amount has no class.
 */
function classClaims(fact: AnyDatedFact, part: DepositPart, agreed: Agreed): Claim[] {
  const { participant_code, account_label, asset, network, amount, hash } = agreed;
  const code = splitAsset(asset ?? "");
  const isWhole = participant_code && code.base && amount && hash;
  const shared = [participant_code, account_label ?? "general", code.base];
  return [
    ...earliestClaims(fact, 0, { part, since: String(fact.at) }),
    ...latestClaims(fact, 0, {
      class: isWhole ? JSON.stringify([...shared, normalHash(hash)]) : undefined,
      class_amount: isWhole ? amount : undefined,
      class_network: code.network ?? network,
      class_group: agreed.account_group ?? undefined,
    }),
  ];
}

/** Weights of claims: movements before reported statuses, fund events last. */
const [BOOKED, REPORTED, FUNDED] = [0, 1, 2];

function readMovement(fact: DatedFact<"MovementRecorded">): FactReading {
  const { account, movement_id, change, deposit_reference_id: reference } = fact.data;
  const holder = accountParts(account);
  const isReversal = change.startsWith("-");
  const amount = change.replace(/^-/, "");
  const name = { kind: "movement", name: `movement:${movement_id}` };
  return {
    ...EMPTY_READING,
    owner: ownerOf(holder),
    names: [name],
    aliases: distinct([movement_id, ...hashNames(reference)]),
    entries: [
      {
        stage: isReversal ? "returned" : "credited",
        word: fact.data.movement_type ?? "",
        source: "movement",
        occurred_at: fact.data.occurred_at ?? null,
      },
    ],
    claims: [
      ...classClaims(fact, isReversal ? "reversal" : "movement", {
        ...holder,
        amount,
        hash: knownId(reference),
      }),
      ...earliestClaims(fact, BOOKED, {
        ...pick(holder, ...HOLDER_FIELDS),
        ...{ amount, reference, "id:movement": name.name },
      }),
      movementClaim(movement_id),
      ...latestClaims(fact, 0, {
        [isReversal ? SHOWS.lastReversal : SHOWS.lastBooking]: factIdOf(fact.type, fact.data),
      }),
    ],
    sums: isReversal ? { undone: amount } : { booked: amount },
  };
}

function readStatus(fact: DatedFact<"DepositStatusReported">): FactReading {
  const { data } = fact;
  const isLayer1 = data.provider === "layer1";
  const names = isLayer1
    ? namesOf("transfer", transferTo(data))
    : namesOf("deposit", data.deposit_id);
  const words = isLayer1 ? LAYER1_DEPOSIT : ZERO_HASH_DEPOSIT;
  const hash = knownId(data.transaction_hash);
  return {
    ...EMPTY_READING,
    owner: isLayer1 ? "" : ownerOf(data),
    names: names.length > 0 ? names : [{ kind: "content", name: data.content }],
    aliases: distinct([
      data.leg_id,
      data.reference,
      ...(isLayer1 ? [data.deposit_id] : []),
      ...hashNames(hash),
    ]),
    entries: [entryOf(fact, { words, word: data.status, source: "status" })],
    claims: [
      ...classClaims(fact, "status", { ...data, hash: isLayer1 ? undefined : hash }),
      ...earliestClaims(fact, REPORTED, {
        ...pick(data, ...HOLDER_FIELDS),
        [isLayer1 ? "transfer_id" : "deposit_id"]: data.deposit_id,
      }),
      ...latestClaims(fact, REPORTED, {
        ...pick(data, "amount", "source_address", "received_address"),
        ...pick(data, "reference", "reason", "reason_code"),
        ...{ transaction_hash: hash, paid_fee: feeText(data) },
      }),
      ...agreedClaims({ reported_amount: data.amount }),
      ...idClaims(names),
    ],
  };
}

/** One transaction may pay several of our addresses. Each of them is a deposit. */
function transferTo({ deposit_id, leg_id, received_address }: DataOf<"DepositStatusReported">) {
  const address = /^[0-9a-f]{32}([0-9a-f]{32})[0-9a-f]{2}$/i.exec(leg_id ?? "")?.[1];
  const known = address?.toLowerCase() ?? received_address?.toLowerCase();
  return known === undefined ? deposit_id : `${deposit_id}:${known}`;
}

function readPaymentIn(fact: DatedFact<"PaymentStatusReported">): FactReading {
  const { data } = fact;
  const hash = knownId(data.transaction_id) ?? knownId(data.reference);
  return {
    ...readPayment(fact, BANK_DEPOSIT),
    claims: [
      ...classClaims(fact, "status", { ...data, hash }),
      ...earliestClaims(fact, REPORTED, pick(data, ...HOLDER_FIELDS)),
      ...latestClaims(fact, REPORTED, {
        ...pick(data, "amount", "transaction_hash", "reference", "reason", "reason_code"),
        paid_fee: feeText(data),
      }),
      ...agreedClaims({ paid_amount: data.amount }),
      ...idClaims([{ kind: "payment", name: data.payment }]),
    ],
  };
}

function readFund(fact: DatedFact<"FundReported">): FactReading {
  const { data } = fact;
  const hash = knownId(data.transaction_hash);
  const { fund_id, success, reason, reason_code, rate, notional, quoted_currency } = data;
  const shown = { fund_id, success, reason, reason_code, rate, notional, quoted_currency };
  const name = `fund:${data.fund}`;
  return {
    ...EMPTY_READING,
    owner: ownerOf(data),
    names: [{ kind: "fund", name }],
    aliases: distinct([fund_id, ...hashNames(hash)]),
    entries: [fundEntry(fact)],
    claims: [
      ...classClaims(fact, "fund", { ...data, amount: data.quantity, hash }),
      ...earliestClaims(fact, FUNDED, pick(data, ...HOLDER_FIELDS)),
      ...latestClaims(fact, BOOKED, {
        transaction_hash: hash,
        fund: JSON.stringify(shown, (_key, value) => value ?? null),
      }),
      ...latestClaims(fact, FUNDED, {
        ...pick(data, "source_address", "reason", "reason_code"),
        ...{ amount: data.quantity, received_address: data.deposit_address },
      }),
      ...agreedClaims({ fund_success: success?.toString(), fund_quantity: data.quantity }),
      { field: "id:fund", order: data.fund, value: name },
    ],
  };
}

/**
 * `success: false` means that nothing was converted; the deposit was seen all the same, and most
 * often credited. Only a session that expired without any sign of money has failed.
 */
function fundEntry({ data }: DatedFact<"FundReported">): HistoryEntry {
  const { success, occurred_at = null, transaction_hash, deposited_at } = data;
  const entry = { source: "fund", occurred_at } as const;
  if (success) return { ...entry, stage: "credited", word: "success" };
  const word = success === false ? "failure" : "unknown";
  const isSeen = knownId(transaction_hash) !== undefined || deposited_at !== undefined;
  return isExpired(data) && !isSeen
    ? { ...entry, stage: "failed", word }
    : { ...entry, stage: "detected", word, mode: "at_least" };
}

const isExpired = ({ reason, reason_code }: DataOf<"FundReported">): boolean =>
  reason_code === "DEPOSIT_WINDOW_EXPIRED" || /\bsession\b.*\bexpired\b/i.test(reason ?? "");

function depositFields(fields: Fields, sums: Sums): Partial<DepositRecord> {
  const fund = JSON.parse(valueIn(fields, "fund") ?? "null") as DepositRecord["fund"];
  return {
    ...holderFields(fields),
    amount: valueIn(fields, "amount"),
    credited_amount: netOf(sums, "booked", "undone"),
    ...paidFee(fields),
    identifiers: {
      deposit_id: valueIn(fields, "deposit_id"),
      payment_id: valueIn(fields, "id:payment"),
      ...valuesIn(fields, "transaction_hash", "transfer_id"),
      movement_ids: movementIds(fields),
      fund_id: fund?.fund_id ?? null,
    },
    ...valuesIn(fields, "source_address", "received_address", "reference", "reason", "reason_code"),
    fund,
  };
}
