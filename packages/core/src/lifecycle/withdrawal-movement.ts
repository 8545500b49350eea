import type { DataOf } from "@counterfoil/contracts/fact";
import { compareAmounts } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import type { Nanos } from "../exact/time.ts";
import { type Claim, earliest, type Fields, latest, valueIn } from "./record-fields.ts";
import type { HistoryEntry } from "./stages.ts";

/** A run on one account. */
export type AccountRun = Readonly<{
  account: string;
  accountType: string;
  runId: string;
  /** The run on all accounts of this holder, in this asset. */
  run: string;
}>;

/** Ids are escaped, so they split at their colons. */
export function accountRun(account: string, runId: string): AccountRun {
  const [, participant, group, label, accountType = "", asset] = account.split(":");
  const run = JSON.stringify([participant, group, label, asset, runId]);
  return { account, accountType, runId, run };
}

/** In the order in which one run has them. */
const KINDS = ["pending", "confirmed", "released", "debit", "reversal"] as const;
type MovementKind = (typeof KINDS)[number];

/** One movement is stated on up to two accounts, the available one and the collateral: its sides. */
export type MovementSide = AccountRun &
  Readonly<{
    kind: MovementKind;
    movementId: string;
    amount: string;
    /** Whether it takes from the account. */
    takes: boolean;
    /** Whether a report follows that says that the run's movements are complete. */
    awaitsReport: boolean;
  }>;

/** The steps of a withdrawal. */
export const WAY: ReadonlySet<string | undefined> = new Set([
  "withdrawal_pending",
  "withdrawal_confirmed",
  "withdrawal",
]);

/** null for what is no part of a withdrawal's way: a `withdrawal` of nothing. */
export function sideOf(movement: DataOf<"MovementRecorded">): MovementSide | null {
  const { account, change, run_id, run_type, movement_id, movement_type = "" } = movement;
  const on = accountRun(account, run_id);
  const takes = change.startsWith("-");
  const kind =
    change === "0" && movement_type === "withdrawal"
      ? null
      : kindOf(movement_type, on.accountType, takes);
  if (kind === null) return null;
  const amount = change.replace(/^-/, "");
  const awaitsReport = isReportKept(run_type);
  return { ...on, kind, movementId: movement_id, amount, takes, awaitsReport };
}

/** A hold that goes back the way it came is released; a debit that does is reversed. */
function kindOf(type: string, accountType: string, takes: boolean): MovementKind {
  if (type === "withdrawal_confirmed") return "confirmed";
  if (type === "withdrawal") return takes ? "debit" : "reversal";
  const isReversed = accountType === "collateral" ? takes : accountType === "available" && !takes;
  return isReversed ? "released" : "pending";
}

/** Whether the report that follows a movement of this run on an available account is kept. */
const isReportKept = (runType: string | undefined): boolean =>
  runType === undefined || runType === "withdrawal";

/** Reports make no record: they date the movements of their runs and say that these are complete. */
export function isWithdrawalReport(report: DataOf<"BalanceReported">): boolean {
  const { provider, account, run_id, run_type } = report;
  if (provider !== "zerohash" || run_id === undefined) return false;
  return isReportKept(run_type) || accountRun(account, run_id).accountType === "collateral";
}

const STAGES = {
  pending: "pending",
  confirmed: "confirmed",
  // On the available account: there the record knows whether nothing was taken.
  released: "returned",
  debit: "settled",
  // Whether all of the debits is back, its record knows.
  reversal: null,
} as const;

/** The available side of a movement is shown, where it is known: the customer sees that account. */
export function sideEntry(
  side: MovementSide,
  { movement_type: word = "", occurred_at }: DataOf<"MovementRecorded">,
): HistoryEntry {
  const { kind, run, movementId, amount } = side;
  const slot = { key: JSON.stringify([run, kind, movementId, amount]), rank: sideRank(side) };
  return {
    ...{ stage: isReleased(side) ? null : STAGES[kind], word, source: "movement", slot },
    occurred_at: occurred_at ?? null,
  };
}

/** The side with the least rank tells of its movement. */
export function sideRank({ accountType }: Pick<AccountRun, "accountType">): string {
  if (accountType === "available") return "0";
  return accountType === "collateral" ? "1" : `2${accountType}`;
}

/** What is taken from an available account for good. */
export const debitOf = (side: MovementSide | null): string | null =>
  side?.kind === "debit" && side.accountType === "available" ? side.amount : null;

/** What comes back to an available account of what was taken for good. */
export const reversalOf = (side: MovementSide | null): string | null =>
  side?.kind === "reversal" && side.accountType === "available" ? side.amount : null;

/** Whether a hold goes back to the available account the way it came. */
export const isReleased = ({ kind, accountType }: MovementSide): boolean =>
  kind === "released" && accountType === "available";

/** Whether it frees the hold on the available side, so that nothing was taken if no debit is there. */
export const freesHold = (side: MovementSide): boolean =>
  isReleased(side) ||
  (side.kind === "confirmed" && side.accountType === "available" && !side.takes);

/** Where a side stands among those of its withdrawal: in the order of its way, then of time. */
export const wayOrder = (side: MovementSide | null, at: Nanos, tie: string): string =>
  earliest(`0${side === null ? KINDS.length : KINDS.indexOf(side.kind)}`, at, tie);

/** What the matching asks of a withdrawal: its first hold and its last confirmation. */
export function waitingClaims(side: MovementSide, at: Nanos, tie: string): Claim[] {
  const { kind, movementId, account, amount } = side;
  if (kind === "debit" || kind === "reversal") return [];
  const [, participant, group, label, , asset] = account.split(":");
  const ofClass = JSON.stringify([participant, group, label, asset, amount]);
  const value = JSON.stringify([ofClass, String(at), movementId]);
  return kind === "pending"
    ? [{ field: "hold", order: earliest(0, at, tie), value }]
    : [{ field: "confirmation", order: latest(0, at, tie), value }];
}

/** What the pairs of a run ask of a withdrawal: its first confirmation and its first debit. */
export function pairClaims(side: MovementSide, at: Nanos, tie: string): Claim[] {
  const { kind, run, movementId, amount } = side;
  if (kind !== "confirmed" && debitOf(side) === null) return [];
  const value = JSON.stringify([run, amount, movementId]);
  return [{ field: pairField(kind), order: earliest(0, at, tie), value }];
}

const pairField = (kind: MovementKind): string => `pair:${kind}`;

/** A confirmation or a debit, as `pairClaims` has it. */
export function pairedIn(fields: Fields, kind: "confirmed" | "debit") {
  const value = valueIn(fields, pairField(kind));
  if (value === null) return null;
  const [run, amount, movementId] = JSON.parse(value) as [string, string, string];
  return { run, amount, movementId };
}

/** A hold or a confirmation, as `waitingClaims` has it. */
export function waitingIn(fields: Fields, field: "hold" | "confirmation") {
  const value = valueIn(fields, field);
  if (value === null) return null;
  const [of, at, tie] = JSON.parse(value) as [string, string, string];
  return { class: of, at, tie };
}

/** A confirmation or a debit of one run that has no stated partner. */
export type Unpaired<Item> = Readonly<{
  item: Item;
  amount: string;
  /** Orders those of one amount. */
  order: string;
  /** The request that it names. */
  request: string | null;
}>;

/**
 * Confirmations and debits of one run: equal amounts first, then both by falling amount, since a
 * debit may be smaller than the hold by the fees. Two that name different requests never join.
 */
export function pairByAmount<Item>(
  confirmations: readonly Unpaired<Item>[],
  debits: readonly Unpaired<Item>[],
): readonly (readonly [confirmation: Item, debit: Item])[] {
  const pairs: (readonly [Item, Item])[] = [];
  const free = new Set([...debits].sort(byFallingAmount));
  const byAmount = Map.groupBy(free, ({ amount }) => amount);
  const take = (confirmation: Unpaired<Item>, debit: Unpaired<Item>) => {
    free.delete(debit);
    pairs.push([confirmation.item, debit.item]);
  };
  const left: Unpaired<Item>[] = [];
  for (const confirmation of [...confirmations].sort(byFallingAmount)) {
    const equal = byAmount.get(confirmation.amount) ?? [];
    const at = equal.findIndex((debit) => agree(confirmation, debit));
    const [debit] = at < 0 ? [] : equal.splice(at, 1);
    if (debit === undefined) left.push(confirmation);
    else take(confirmation, debit);
  }
  for (const confirmation of left) {
    for (const debit of free) {
      if (compareAmounts(debit.amount, confirmation.amount) > 0) continue;
      if (!agree(confirmation, debit)) continue;
      take(confirmation, debit);
      break;
    }
  }
  return pairs;
}

/** How many confirmations and debits of one run are paired anew with each one that comes or goes. */
export const PAIRED_ANEW_MAX = 64;

const DIGITS = 16;
/** Zeros behind the point before the first digit, at the most. */
const SMALLEST = 64;
const LARGEST = 127;

/**
 * An amount as a number whose order is that of amounts and that 61 bits hold: where of more of them
 * each confirmation takes the nearest debit. Amounts that agree in 16 digits are one.
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

const byFallingAmount = (a: Any, b: Any): number =>
  compareAmounts(b.amount, a.amount) || compareText(a.order, b.order);
