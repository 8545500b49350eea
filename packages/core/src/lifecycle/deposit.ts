import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { DepositRecord, DepositStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import type { FactData } from "../ingest/fact-state.ts";
import {
  called,
  distinct,
  entryOf,
  type FactReading,
  firstSaid,
  idSayings,
  lastSaid,
  NOTHING_READ,
} from "./fact-reading.ts";
import type { AnyKnown, Known } from "./lifecycle-fact.ts";
import { hashNames, knownId, normalHash, ownerOf, splitAsset } from "./owner.ts";
import { isPayIn } from "./payment.ts";
import { type Fields, said } from "./record-fields.ts";
import { feeText, holderFields, type OwnFields, paidFee } from "./shown-fields.ts";
import type { HistoryEntry, StageRules } from "./stage-history.ts";
import { BANK_DEPOSIT, LAYER1_DEPOSIT, ZERO_HASH_DEPOSIT } from "./words.ts";

const WAY = ["detected", "unconfirmed", "confirmed", "screening", "held"] as const;
const ENDS = ["failed", "rejected", "returned"] as const;

const onWay = (at: number) => ({
  moves: [...WAY.slice(at + 1), "quarantined", "credited", ...ENDS] as const,
  fills: WAY.slice(0, at),
});

/**
 * A quarantined deposit may be taken up again and go anywhere; of two words with one time it is
 * therefore the earlier one. What was credited is undone by a movement that reverses it, or by a
 * bank's return.
 */
export const DEPOSIT_RULES: StageRules<DepositStage> = {
  order: [...WAY, "quarantined", "credited", "returned", "failed", "rejected"],
  retried: ENDS,
  steps: {
    detected: onWay(0),
    unconfirmed: onWay(1),
    confirmed: onWay(2),
    screening: onWay(3),
    held: onWay(4),
    credited: { moves: ["returned"], fills: WAY },
    returned: { moves: [], fills: [...WAY, "credited", "failed", "rejected"] },
    failed: { moves: ["returned"], fills: [] },
    rejected: { moves: ["returned"], fills: [] },
    quarantined: { moves: [...WAY, "credited", ...ENDS], fills: [] },
  },
};

/** Whether the deposits model keeps this fact. */
export function isDepositFact(type: ProviderFactType, data: FactData): boolean {
  switch (type) {
    case "MovementRecorded":
      return isDepositMovement(data as DataOf<"MovementRecorded">);
    case "PaymentStatusReported":
      return isPayIn(data as DataOf<"PaymentStatusReported">);
    case "DepositStatusReported":
    case "FundReported":
      return true;
    default:
      return false;
  }
}

/** What books a deposit, and what takes it back: that names the same reference. */
function isDepositMovement(movement: DataOf<"MovementRecorded">): boolean {
  const { provider, movement_type, change, deposit_reference_id } = movement;
  if (provider !== "zerohash" || change === "0") return false;
  if (change.startsWith("-")) return knownId(deposit_reference_id) !== undefined;
  return movement_type === "deposit";
}

export function readDepositFact(fact: AnyKnown): FactReading | null {
  switch (fact.type) {
    case "MovementRecorded":
      return readMovement(fact);
    case "DepositStatusReported":
      return readStatus(fact);
    case "PaymentStatusReported":
      return readPayment(fact);
    case "FundReported":
      return readFund(fact);
    default:
      return null;
  }
}

/** Which part of a deposit a fact tells of. */
const DEPOSIT_PARTS = ["status", "movement", "reversal", "fund"] as const;
export type DepositPart = (typeof DEPOSIT_PARTS)[number];

type Agreed = Readonly<{
  participant: string | null | undefined;
  label: string | null | undefined;
  asset: string | undefined;
  network: string | undefined;
  amount: string | undefined;
  hash: string | undefined;
}>;

/**
 * What two reports of one deposit agree in, the network left out: both may not know it. Without a
 * hash, or without an amount, nothing joins.
 */
function classSayings(fact: AnyKnown, part: DepositPart, agreed: Agreed) {
  const { participant, label, asset, network, amount, hash } = agreed;
  const code = splitAsset(asset ?? "");
  const isWhole = participant && code.base && amount && hash;
  const shared = [participant, label ?? "general", code.base, amount, normalHash(hash ?? "")];
  return [
    ...firstSaid(fact, 0, { part, since: String(fact.at) }),
    ...lastSaid(fact, 0, {
      class: isWhole ? JSON.stringify(shared) : undefined,
      class_network: code.network ?? network,
    }),
  ];
}

/** What was booked before what was reported. */
const [BOOKED, STATED, FUNDED] = [0, 1, 2];

function readMovement(fact: Known<"MovementRecorded">): FactReading {
  const { account, movement_id, change, deposit_reference_id, movement_type } = fact.data;
  const { participant_code, account_group, account_label, asset } = accountParts(account);
  const isReversal = change.startsWith("-");
  const amount = change.replace(/^-/, "");
  const hash = knownId(deposit_reference_id);
  const agreed = { participant: participant_code, label: account_label, asset, amount, hash };
  return {
    ...NOTHING_READ,
    owner: ownerOf({ participant: participant_code, asset }),
    names: [{ kind: "movement", name: `movement:${movement_id}` }],
    aliases: distinct([movement_id, ...hashNames(deposit_reference_id)]),
    entries: [
      {
        stage: isReversal ? "returned" : "credited",
        word: movement_type ?? "",
        source: "movement",
        occurred_at: fact.data.occurred_at ?? null,
      },
    ],
    sayings: [
      ...classSayings(fact, isReversal ? "reversal" : "movement", {
        ...agreed,
        network: undefined,
      }),
      ...firstSaid(fact, BOOKED, {
        ...{ asset, amount, provider: "zerohash", reference: deposit_reference_id },
        participant_code: participant_code ?? undefined,
        account_group: account_group ?? undefined,
        account_label: account_label ?? undefined,
        "id:movement": `movement:${movement_id}`,
      }),
    ],
    movementId: movement_id,
  };
}

function readStatus(fact: Known<"DepositStatusReported">): FactReading {
  const { data } = fact;
  const isLayer1 = data.provider === "layer1";
  const transfer = isLayer1 ? transferTo(data) : undefined;
  const names = isLayer1 ? called("transfer", transfer) : called("deposit", data.deposit_id);
  const words = isLayer1 ? LAYER1_DEPOSIT : ZERO_HASH_DEPOSIT;
  const { participant_code: participant, account_label: label, asset, network, amount } = data;
  const hash = knownId(data.transaction_hash);
  const agreed = { participant, label, asset, network, amount, hash: isLayer1 ? undefined : hash };
  return {
    ...NOTHING_READ,
    owner: isLayer1 ? "" : ownerOf({ participant, asset, network }),
    names: names.length > 0 ? names : [{ kind: "content", name: data.content }],
    aliases: distinct([
      data.leg_id,
      data.reference,
      ...(isLayer1 ? [data.deposit_id] : []),
      ...hashNames(hash),
    ]),
    entries: [entryOf(fact, { words, word: data.status, source: "status" })],
    sayings: [
      ...classSayings(fact, "status", agreed),
      ...firstSaid(fact, STATED, {
        ...{ participant_code: participant, account_label: label, asset, network },
        provider: data.provider,
        deposit_id: isLayer1 ? undefined : data.deposit_id,
        transfer_id: isLayer1 ? data.deposit_id : undefined,
      }),
      ...lastSaid(fact, STATED, {
        ...{ amount, transaction_hash: hash, paid_fee: feeText(data) },
        ...{ source_address: data.source_address, received_address: data.received_address },
        ...{ reference: data.reference, reason: data.reason, reason_code: data.reason_code },
      }),
      ...idSayings(names),
    ],
  };
}

/** One transaction may pay several of our addresses: each is a deposit. */
function transferTo({ deposit_id, leg_id, received_address }: DataOf<"DepositStatusReported">) {
  const address = /^[0-9a-f]{32}([0-9a-f]{32})[0-9a-f]{2}$/i.exec(leg_id ?? "")?.[1];
  const known = address?.toLowerCase() ?? received_address?.toLowerCase();
  return known === undefined ? deposit_id : `${deposit_id}:${known}`;
}

function readPayment(fact: Known<"PaymentStatusReported">): FactReading {
  const { data } = fact;
  const names = called("payment", data.payment, data.payment_id, data.transaction_id);
  const { participant_code, account_group, account_label, asset, network, amount } = data;
  const agreed = { participant: participant_code, label: account_label, asset, network, amount };
  const hash = knownId(data.transaction_id) ?? knownId(data.reference);
  return {
    ...NOTHING_READ,
    owner: ownerOf({ participant: participant_code, asset, network }),
    names,
    aliases: distinct([data.reference, ...hashNames(data.transaction_hash)]),
    entries: [entryOf(fact, { words: BANK_DEPOSIT, word: data.status, source: "payment" })],
    sayings: [
      ...classSayings(fact, "status", { ...agreed, hash }),
      ...firstSaid(fact, STATED, {
        ...{ participant_code, account_group, account_label, asset, network },
        provider: data.provider,
      }),
      ...lastSaid(fact, STATED, {
        ...{ amount, transaction_hash: data.transaction_hash, paid_fee: feeText(data) },
        ...{ reference: data.reference, reason: data.reason, reason_code: data.reason_code },
      }),
      { field: "id:payment", order: data.payment, value: data.payment },
    ],
  };
}

function readFund(fact: Known<"FundReported">): FactReading {
  const { data } = fact;
  const { participant_code, account_label, asset, network, quantity } = data;
  const hash = knownId(data.transaction_hash);
  const agreed = { participant: participant_code, label: account_label, asset, network };
  const { fund_id, success, reason, reason_code, rate, notional, quoted_currency } = data;
  const shown = { fund_id, success, reason, reason_code, rate, notional, quoted_currency };
  return {
    ...NOTHING_READ,
    owner: ownerOf({ participant: participant_code, asset, network }),
    names: [{ kind: "fund", name: `fund:${data.fund}` }],
    aliases: distinct([data.fund_id, ...hashNames(hash)]),
    entries: [fundEntry(fact)],
    sayings: [
      ...classSayings(fact, "fund", { ...agreed, amount: quantity, hash }),
      ...firstSaid(fact, FUNDED, {
        ...{ participant_code, account_label, asset, network, provider: data.provider },
      }),
      ...lastSaid(fact, BOOKED, {
        transaction_hash: hash,
        fund: JSON.stringify(shown, (_key, value) => value ?? null),
      }),
      ...lastSaid(fact, FUNDED, {
        ...{ amount: quantity, source_address: data.source_address },
        ...{ received_address: data.deposit_address, reason, reason_code },
      }),
      { field: "id:fund", order: data.fund, value: `fund:${data.fund}` },
    ],
  };
}

/**
 * `success: false` says that nothing was converted; the deposit has been seen all the same, and most
 * often credited. Only a session that expired without any sign of money has failed.
 */
function fundEntry({ data }: Known<"FundReported">): HistoryEntry {
  const { success, occurred_at = null, transaction_hash, deposited_at } = data;
  const entry = { source: "fund", occurred_at } as const;
  if (success) return { ...entry, stage: "credited", word: "success" };
  const word = success === false ? "failure" : "unknown";
  const isSeen = knownId(transaction_hash) !== undefined || deposited_at !== undefined;
  return isExpired(data) && !isSeen
    ? { ...entry, stage: "failed", word }
    : { ...entry, stage: "detected", word, atLeast: true };
}

const isExpired = ({ reason, reason_code }: DataOf<"FundReported">): boolean =>
  reason_code === "DEPOSIT_WINDOW_EXPIRED" || /\bsession\b.*\bexpired\b/i.test(reason ?? "");

/** Ids that a record may have, the best first. */
export const DEPOSIT_IDS = ["deposit", "payment", "movement", "fund", "transfer"] as const;

type DepositFields = OwnFields<DepositRecord>;

export function depositFields(fields: Fields, movementIds: readonly string[]): DepositFields {
  const fund = JSON.parse(said(fields, "fund") ?? "null") as DepositFields["fund"];
  return {
    ...holderFields(fields),
    amount: said(fields, "amount"),
    ...paidFee(fields),
    identifiers: {
      deposit_id: said(fields, "deposit_id"),
      payment_id: said(fields, "id:payment"),
      transaction_hash: said(fields, "transaction_hash"),
      transfer_id: said(fields, "transfer_id"),
      movement_ids: [...movementIds],
      fund_id: fund?.fund_id ?? null,
    },
    source_address: said(fields, "source_address"),
    received_address: said(fields, "received_address"),
    reference: said(fields, "reference"),
    reason: said(fields, "reason"),
    reason_code: said(fields, "reason_code"),
    fund,
  };
}
