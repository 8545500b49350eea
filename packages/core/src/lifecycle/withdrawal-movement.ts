import type { DataOf } from "@counterfoil/contracts/fact";
import { compareAmounts } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import type { Nanos } from "../exact/time.ts";
import {
  type Claim,
  earliestFirst,
  type Fields,
  latestFirst,
  type Ordered,
  valueIn,
} from "./record-fields.ts";
import type { HistoryEntry } from "./stages.ts";

/** A run on one account. */
export type AccountRun = Readonly<{
  account: string;
  accountType: string;
  runId: string;
  /** Identifies the run over all accounts of this holder in this asset. */
  run: string;
}>;

/** Account ids escape their parts, so they can be split at colons. */
export function accountRun(account: string, runId: string): AccountRun {
  const [, participant, group, label, accountType = "", asset] = account.split(":");
  const run = JSON.stringify([participant, group, label, asset, runId]);
  return { account, accountType, runId, run };
}

/** In the order in which they occur in a run. */
const KINDS = ["pending", "confirmed", "released", "debit", "reversal"] as const;
type MovementKind = (typeof KINDS)[number];

/** One side of a movement, which is stated on up to two accounts: available and collateral. */
export type MovementSide = AccountRun &
  Readonly<{
    kind: MovementKind;
    movementId: string;
    amount: string;
    /** Whether the movement reduces the account's balance. */
    isOutgoing: boolean;
    /** Whether a report will follow which shows that the run's movements are complete. */
    awaitsReport: boolean;
  }>;

/** The movement types that are steps of a withdrawal. */
export const WITHDRAWAL_STEPS: ReadonlySet<string | undefined> = new Set([
  "withdrawal_pending",
  "withdrawal_confirmed",
  "withdrawal",
]);

/** The side that a movement states; null for a movement of zero, which is no step. */
export function sideOf(movement: DataOf<"MovementRecorded">): MovementSide | null {
  const { account, change, run_id, run_type, movement_id, movement_type = "" } = movement;
  if (change === "0") return null;
  const on = accountRun(account, run_id);
  const isOutgoing = change.startsWith("-");
  const kind = kindOf(movement_type, on.accountType, isOutgoing);
  const amount = change.replace(/^-/, "");
  const awaitsReport = isReportKept(run_type);
  return { ...on, kind, movementId: movement_id, amount, isOutgoing, awaitsReport };
}

/** A hold that is undone is released; a debit that is undone is reversed. */
function kindOf(type: string, accountType: string, isOutgoing: boolean): MovementKind {
  if (type === "withdrawal_confirmed") return "confirmed";
  if (type === "withdrawal") return isOutgoing ? "debit" : "reversal";
  const isReversed =
    accountType === "collateral" ? isOutgoing : accountType === "available" && !isOutgoing;
  return isReversed ? "released" : "pending";
}

/** Whether the report that follows a movement of this run on an available account is kept. */
const isReportKept = (runType: string | undefined): boolean =>
  runType === undefined || runType === "withdrawal";

/**
 * Whether a report is kept. It makes no record: it dates its run's movements and shows that they
 * are complete.
 */
export function isWithdrawalReport(report: DataOf<"BalanceReported">): boolean {
  const { provider, account, run_id, run_type } = report;
  if (provider !== "zerohash" || run_id === undefined) return false;
  return isReportKept(run_type) || accountRun(account, run_id).accountType === "collateral";
}

/** What a side says by itself. Whether it ends the withdrawal follows from all of its movements. */
const STAGES = {
  pending: "pending",
  confirmed: "confirmed",
  released: null,
  // On another account than the available one, which alone is summed.
  debit: "settled",
  reversal: null,
} as const;

/**
 * The history entry of a side. The available side is shown if known: customers see that account.
 */
export function sideEntry(
  side: MovementSide,
  { movement_type: word = "", occurred_at }: DataOf<"MovementRecorded">,
): HistoryEntry {
  const { kind, movementId, amount } = side;
  const slot = { key: JSON.stringify([kind, movementId]), rank: sideRank(side), amount };
  const stage = debitOf(side) === null ? STAGES[kind] : null;
  return { stage, word, source: "movement", slot, occurred_at: occurred_at ?? null };
}

/** A movement is described by its side with the lowest rank. */
export function sideRank({ accountType }: Pick<AccountRun, "accountType">): string {
  if (accountType === "available") return "0";
  return accountType === "collateral" ? "1" : `2${accountType}`;
}

/** The amount that a side debits from an available account; null for any other side. */
export const debitOf = (side: MovementSide | null): string | null =>
  side?.kind === "debit" && side.accountType === "available" ? side.amount : null;

/** The amount of a debit that a side returns to an available account; null for any other side. */
export const reversalOf = (side: MovementSide | null): string | null =>
  side?.kind === "reversal" && side.accountType === "available" ? side.amount : null;

/** Whether a side frees the hold on the available account: without a debit, nothing was taken. */
export const freesHold = ({ kind, accountType, isOutgoing }: MovementSide): boolean =>
  accountType === "available" && (kind === "released" || (kind === "confirmed" && !isOutgoing));

/** The order of a side within its withdrawal: by step, the available account first, then by time. */
export const stepOrder = (side: MovementSide | null, at: Nanos, tie: string): Ordered =>
  earliestFirst(
    side === null ? `0${KINDS.length}` : `0${KINDS.indexOf(side.kind)}${sideRank(side)}`,
    at,
    tie,
  );

/**
 * Claims by which holds and confirmations are matched: the first hold and the last confirmation.
 */
export function waitingClaims(side: MovementSide, at: Nanos, tie: string): Claim[] {
  const { kind, movementId, account, amount } = side;
  if (kind === "debit" || kind === "reversal") return [];
  const [, participant, group, label, , asset] = account.split(":");
  const ofClass = JSON.stringify([participant, group, label, asset, amount]);
  const value = JSON.stringify([ofClass, String(at), movementId]);
  return kind === "pending"
    ? [{ field: "hold", ...earliestFirst(0, at, tie), value }]
    : [{ field: "confirmation", ...latestFirst(0, at, tie), value }];
}

/** Reads the hold or the confirmation that `waitingClaims` wrote. */
export function waitingIn(fields: Fields, field: "hold" | "confirmation") {
  const value = valueIn(fields, field);
  if (value === null) return null;
  const [of, at, tie] = JSON.parse(value) as [string, string, string];
  return { class: of, at, tie };
}

/** A confirmation or a debit of a run for which the provider states no partner. */
export type Unpaired<Item> = Readonly<{
  item: Item;
  amount: string;
  /** Orders items with equal amounts. */
  order: string;
  /** The withdrawal request that it names. */
  request: string | null;
}>;

/**
 * Pairs the confirmations and debits of one run: equal amounts first, then both by descending
 * amount, since fees may make a debit smaller than its hold. Items that name different requests are
 * never paired.
 */
export function pairByAmount<Item>(
  confirmations: readonly Unpaired<Item>[],
  debits: readonly Unpaired<Item>[],
): readonly (readonly [confirmation: Item, debit: Item])[] {
  const pairs: (readonly [Item, Item])[] = [];
  const free = new Set([...debits].sort(byDescendingAmount));
  const byAmount = Map.groupBy(free, ({ amount }) => amount);
  const pair = (confirmation: Unpaired<Item>, debit: Unpaired<Item>) => {
    free.delete(debit);
    pairs.push([confirmation.item, debit.item]);
  };
  const remaining: Unpaired<Item>[] = [];
  for (const confirmation of [...confirmations].sort(byDescendingAmount)) {
    const equal = byAmount.get(confirmation.amount) ?? [];
    const index = equal.findIndex((debit) => agree(confirmation, debit));
    const [debit] = index < 0 ? [] : equal.splice(index, 1);
    if (debit === undefined) remaining.push(confirmation);
    else pair(confirmation, debit);
  }
  for (const confirmation of remaining) {
    for (const debit of free) {
      if (compareAmounts(debit.amount, confirmation.amount) > 0) continue;
      if (!agree(confirmation, debit)) continue;
      pair(confirmation, debit);
      break;
    }
  }
  return pairs;
}

/** The most confirmations and debits of a run that are all paired again with each change. */
export const PAIRED_BY_AMOUNT_MAX = 64;

const DIGITS = 16;
/** The most zeros between the point and the first digit that are told apart. */
const SMALLEST = 64;
const LARGEST = 127;

/**
 * Maps an amount to a number of at most 61 bits that sorts as the amount does. A run with too many
 * sides to pair them all again pairs by the distance of these numbers. Amounts that agree in 16
 * digits are equal.
 *
 * @param amount as `formatMoney` prints it, not negative
 */
export function amountPoint(amount: string): bigint {
  const [integer = "", fraction = ""] = amount.split(".");
  const digits = `${integer}${fraction}`.replace(/^0+/, "");
  if (digits === "") return 0n;
  const magnitude = digits.length - fraction.length;
  const exponent = Math.min(Math.max(magnitude + SMALLEST, 0), SMALLEST + LARGEST);
  return (
    BigInt(exponent) * 10n ** BigInt(DIGITS) + BigInt(digits.slice(0, DIGITS).padEnd(DIGITS, "0"))
  );
}

type Any = Unpaired<unknown>;

const agree = (a: Any, b: Any): boolean =>
  a.request === null || b.request === null || a.request === b.request;

const byDescendingAmount = (a: Any, b: Any): number =>
  compareAmounts(b.amount, a.amount) || compareText(a.order, b.order);
