import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { WithdrawalRecord, WithdrawalStage } from "@counterfoil/contracts/record";
import { accountParts } from "../account.ts";
import { absolute, add, formatMoney, moneyOf, ZERO } from "../exact/money.ts";
import type { Nanos } from "../exact/time.ts";
import type { FactData } from "../ingest/fact-state.ts";
import {
  called,
  distinct,
  entryOf,
  type FactReading,
  firstSaid,
  idSayings,
  lastSaid,
  MOVEMENT_KINDS,
  type MovementKind,
  type MovementSide,
  NOTHING_READ,
} from "./fact-reading.ts";
import type { AnyKnown, Known } from "./lifecycle-fact.ts";
import { hashNames, knownId, ownerOf } from "./owner.ts";
import { isPayIn } from "./payment.ts";
import { earliest, type Fields, latest, type Saying, said, saidUnder } from "./record-fields.ts";
import { feeText, holderFields, type OwnFields, paidFee } from "./shown-fields.ts";
import type { HistoryEntry, StageRules } from "./stage-history.ts";
import { LAYER1_WITHDRAWAL, ZERO_HASH_ON_CHAIN, ZERO_HASH_WITHDRAWAL } from "./words.ts";

const STAGES = ["requested", "pending", "approved", "broadcast", "confirmed"] as const;

const onWay = (at: number) => ({
  moves: [...STAGES.slice(at + 1), "settled", "failed", "rejected", "returned"] as const,
  fills: STAGES.slice(0, at),
});

/**
 * A settled bank payment may still be returned, for 60 days. A request that failed or was rejected
 * gives its hold back, before or after the status says so: `returned` is where both end.
 */
export const WITHDRAWAL_RULES: StageRules<WithdrawalStage> = {
  order: [...STAGES, "settled", "failed", "rejected", "returned"],
  retried: ["failed", "rejected", "returned"],
  steps: {
    requested: onWay(0),
    pending: onWay(1),
    approved: onWay(2),
    broadcast: onWay(3),
    confirmed: onWay(4),
    settled: { moves: ["returned"], fills: STAGES },
    failed: { moves: ["returned"], fills: [] },
    rejected: { moves: ["returned"], fills: [] },
    returned: { moves: [], fills: ["failed", "rejected"] },
  },
};

const WAY: ReadonlySet<string | undefined> = new Set([
  "withdrawal_pending",
  "withdrawal_confirmed",
  "withdrawal",
]);

/**
 * Whether the withdrawals model keeps this fact. Reports make no record: they date the movements of
 * their runs and say that these are complete.
 */
export function isWithdrawalFact(type: ProviderFactType, data: FactData): boolean {
  switch (type) {
    case "MovementRecorded": {
      const movement = data as DataOf<"MovementRecorded">;
      if (movement.provider !== "zerohash") return false;
      return (
        WAY.has(movement.movement_type) || knownId(movement.withdrawal_request_id) !== undefined
      );
    }
    case "BalanceReported":
      return isWithdrawalReport(data as DataOf<"BalanceReported">);
    case "WithdrawalStatusReported":
      return true;
    case "PaymentStatusReported":
      return !isPayIn(data as DataOf<"PaymentStatusReported">);
    default:
      return false;
  }
}

function isWithdrawalReport(report: DataOf<"BalanceReported">): boolean {
  if (report.provider !== "zerohash" || report.run_id === undefined) return false;
  return isReportKept(report.run_type) || accountTypeOf(report.account) === "collateral";
}

/** Whether the report that follows a movement of this run on an available account is kept. */
export function isReportKept(runType: string | undefined): boolean {
  return runType === undefined || runType === "withdrawal";
}

/** Its account's fourth part; ids are escaped, so they split at their colons. */
const accountTypeOf = (account: string): string => account.split(":")[4] ?? "";

/** The run on all accounts of one holder and asset. */
export function runOf(account: string, runId: string): string {
  const [, participant, group, label, , asset] = account.split(":");
  return JSON.stringify([participant, group, label, asset, runId]);
}

export function readWithdrawalFact(fact: AnyKnown): FactReading | null {
  switch (fact.type) {
    case "MovementRecorded":
      return readMovement(fact);
    case "WithdrawalStatusReported":
      return readStatus(fact);
    case "PaymentStatusReported":
      return readPayment(fact);
    default:
      return null;
  }
}

function readMovement(fact: Known<"MovementRecorded">): FactReading {
  const { account, movement_id, movement_type = "", client_transfer_id } = fact.data;
  const { participant_code, asset } = accountParts(account);
  const request = called("request", fact.data.withdrawal_request_id);
  const owner = ownerOf({ participant: participant_code, asset });
  const entry: HistoryEntry = {
    stage: null,
    word: movement_type,
    source: "movement",
    occurred_at: fact.data.occurred_at ?? null,
  };
  const aliases = distinct([movement_id, client_transfer_id]);
  if (!WAY.has(movement_type)) {
    const [mentions = null] = request;
    return { ...NOTHING_READ, owner, names: [], mentions, aliases, entries: [entry] };
  }
  const side = sideOf(fact);
  return {
    ...NOTHING_READ,
    owner,
    names: [{ kind: "movement", name: `movement:${movement_id}` }, ...request],
    aliases,
    entries: side === null ? [entry] : [],
    sayings: [...movementSayings(fact, side), ...idSayings(request)],
    movementId: movement_id,
    side,
    debit: side?.kind === "debit" && side.accountType === "available" ? side.amount : null,
  };
}

/** null for what is no part of a withdrawal's way: a `withdrawal` that gives. */
function sideOf({ data }: Known<"MovementRecorded">): MovementSide | null {
  const { account, change, run_id, movement_id, movement_type = "" } = data;
  const [, participant, group, label, accountType = "", asset] = account.split(":");
  const takes = change.startsWith("-");
  const kind = kindOf(movement_type, accountType, takes);
  if (kind === null) return null;
  const amount = change.replace(/^-/, "");
  return {
    kind,
    class: JSON.stringify([participant, group, label, asset, amount]),
    amount,
    account,
    accountType,
    run: runOf(account, run_id),
    runType: data.run_type,
    takes,
    movementId: movement_id,
    word: movement_type,
    occurred_at: data.occurred_at ?? null,
  };
}

/** A hold that goes back the way it came is released. */
function kindOf(type: string, accountType: string, takes: boolean): MovementKind | null {
  if (type === "withdrawal_confirmed") return "confirmed";
  if (type === "withdrawal") return takes ? "debit" : null;
  const isReversed = accountType === "collateral" ? takes : accountType === "available" && !takes;
  return isReversed ? "released" : "pending";
}

/** The ledger before the statuses, those before the payments. */
const [MOVED, STATED, PAID] = [0, 1, 2];

function movementSayings({ data, at }: Known<"MovementRecorded">, side: MovementSide | null) {
  const { participant_code, account_group, account_label, asset } = accountParts(data.account);
  const rank = side === null ? MOVEMENT_KINDS.length : MOVEMENT_KINDS.indexOf(side.kind);
  const order = earliest(MOVED, at, data.movement_id).replace(/^0/, `${MOVED}${rank}`);
  const amount = formatMoney(absolute(moneyOf(data.change)));
  const values = { participant_code, account_group, account_label, asset, amount };
  const sayings: Saying[] = Object.entries({
    ...values,
    provider: data.provider,
    "id:movement": `movement:${data.movement_id}`,
  }).flatMap(([field, value]) => (value === null ? [] : [{ field, order, value }]));
  return side === null ? sayings : [...sayings, ...waySayings(side, at)];
}

/** What the matching asks of a withdrawal: its first hold and its last confirmation. */
function waySayings({ kind, movementId, ...side }: MovementSide, at: Nanos): Saying[] {
  if (kind === "debit") return [];
  const value = JSON.stringify([side.class, String(at), movementId]);
  return kind === "pending"
    ? [{ field: "hold", order: earliest(0, at, movementId), value }]
    : [{ field: "confirmation", order: latest(0, at, movementId), value }];
}

/** A hold or a confirmation, as `waySayings` has it. */
export function waitingIn(fields: Fields, field: "hold" | "confirmation") {
  const value = said(fields, field);
  if (value === null) return null;
  const [of, at, tie] = JSON.parse(value) as [string, string, string];
  return { class: of, at, tie };
}

function readStatus(fact: Known<"WithdrawalStatusReported">): FactReading {
  const { data } = fact;
  const isLayer1 = data.provider === "layer1";
  const names = called(isLayer1 ? "transfer" : "request", data.withdrawal_id);
  const { participant_code: participant, asset, network } = data;
  return {
    ...NOTHING_READ,
    owner: isLayer1 ? "" : ownerOf({ participant, asset, network }),
    names: names.length > 0 ? names : [{ kind: "content", name: data.content }],
    aliases: distinct([
      data.leg_id,
      data.client_withdrawal_request_id,
      data.reference,
      ...hashNames(data.transaction_hash),
    ]),
    entries: isLayer1 ? legEntries(fact) : requestEntries(fact),
    sayings: [...statusSayings(fact), ...idSayings(names)],
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
  const said = { words: LAYER1_WITHDRAWAL, word: status, source: "status" } as const;
  const entry = entryOf(fact, said);
  const slot = { key: status.toLowerCase(), rank: leg === "fee" ? 1 : 0 };
  const isEnd = entry.stage === "failed" || entry.stage === "rejected";
  return [{ ...entry, slot, stage: leg === "fee" && isEnd ? null : entry.stage }];
}

function statusSayings(fact: Known<"WithdrawalStatusReported">): Saying[] {
  const { data } = fact;
  const isFee = data.leg === "fee";
  const legAmount =
    data.leg_id === undefined ? "amount" : `${isFee ? "fee" : "leg"}:${data.leg_id}`;
  return [
    ...(isFee ? [] : holderSayings(fact, STATED)),
    ...firstSaid(fact, STATED, { network: data.network, provider: data.provider }),
    ...lastSaid(fact, STATED, {
      [legAmount]: data.amount,
      paid_fee: feeText(data),
      ...(isFee ? { fee_leg_asset: data.asset } : {}),
      transfer_id: data.provider === "layer1" ? data.withdrawal_id : undefined,
      settled_amount: data.settled_amount,
    }),
    // Where a payment says otherwise, it is the later news.
    ...lastSaid(fact, PAID, {
      transaction_hash: data.transaction_hash,
      destination_address: data.destination_address,
      reason: data.reason,
      reason_code: data.reason_code,
    }),
  ];
}

type Holder = Known<"WithdrawalStatusReported"> | Known<"PaymentStatusReported">;

function holderSayings(fact: Holder, weight: number): Saying[] {
  const { participant_code, account_group, account_label, asset } = fact.data;
  return firstSaid(fact, weight, { participant_code, account_group, account_label, asset });
}

/** A payment of which only the digest of its body is known has no id. */
const paymentIds = ({ payment_id, transaction_id }: DataOf<"PaymentStatusReported">): string[] =>
  distinct([knownId(payment_id), knownId(transaction_id)]);

function readPayment(fact: Known<"PaymentStatusReported">): FactReading {
  const { data } = fact;
  const request = called("request", data.withdrawal_request_id);
  const names = called("payment", data.payment, data.payment_id, data.transaction_id);
  const { participant_code: participant, asset, network } = data;
  return {
    ...NOTHING_READ,
    owner: ownerOf({ participant, asset, network }),
    names: [...names, ...request],
    aliases: distinct([data.reference, ...hashNames(data.transaction_hash)]),
    entries: [entryOf(fact, { words: ZERO_HASH_WITHDRAWAL, word: data.status, source: "payment" })],
    sayings: [
      ...holderSayings(fact, PAID),
      ...firstSaid(fact, PAID, { network: data.network, provider: data.provider }),
      ...lastSaid(fact, PAID, {
        amount: data.amount,
        paid_fee: feeText(data),
        total: data.total,
        quoted_currency: data.quoted_currency,
        beneficiary: data.beneficiary_code,
      }),
      ...lastSaid(fact, STATED, {
        transaction_hash: data.transaction_hash,
        destination_address: data.destination_address,
        reason: data.reason,
        reason_code: data.reason_code,
      }),
      ...paymentIds(data).map((id) => ({ field: "payment_id", order: id, value: id })),
      { field: "id:payment", order: data.payment, value: data.payment },
      ...idSayings(request),
    ],
  };
}

/** Ids that a record may have, the best first. */
export const WITHDRAWAL_IDS = ["request", "payment", "movement", "transfer"] as const;

type WithdrawalFields = OwnFields<WithdrawalRecord>;

/** @param debits what was taken for good, movement by movement. */
export function withdrawalFields(
  fields: Fields,
  movementIds: readonly string[],
  debits: readonly string[],
): WithdrawalFields {
  const legs = saidUnder(fields, "leg:");
  return {
    ...holderFields(fields),
    amount: legs.length > 0 ? sum(legs) : said(fields, "amount"),
    settled_amount: debits.length > 0 ? sum(debits) : said(fields, "settled_amount"),
    total: said(fields, "total"),
    quoted_currency: said(fields, "quoted_currency"),
    ...feeOf(fields),
    beneficiary: said(fields, "beneficiary"),
    identifiers: {
      withdrawal_request_id: said(fields, "id:request"),
      payment_id: said(fields, "payment_id"),
      transaction_hash: said(fields, "transaction_hash"),
      transfer_id: said(fields, "transfer_id"),
      movement_ids: [...movementIds],
    },
    destination_address: said(fields, "destination_address"),
    reason: said(fields, "reason"),
    reason_code: said(fields, "reason_code"),
  };
}

function feeOf(fields: Fields) {
  const legs = saidUnder(fields, "fee:");
  return legs.length > 0
    ? { fee: sum(legs), fee_asset: said(fields, "fee_leg_asset") }
    : paidFee(fields);
}

const sum = (amounts: readonly string[]): string =>
  formatMoney(amounts.map(moneyOf).reduce(add, ZERO));
