import { absolute, formatMoney, type Money, subtract } from "../exact/money.ts";
import { formatDuration, formatTime } from "../exact/time.ts";
import { type FactState, inForce } from "../ingest/fact-state.ts";
import { balanceBefore, type Entry } from "./entry.ts";

/**
 * Explains in words what the rules of this folder decided about an entry. Each reason reads the
 * values that the rules stored in the entry, so it applies where they did.
 */
type Reason = Readonly<{
  applies: (entry: Entry) => boolean;
  describe: (entry: Entry) => string;
}>;

/**
 * Explains the effective time; the rule is in effective-time.ts. The first reason that applies is
 * used.
 */
const TIME_REASONS: readonly Reason[] = [
  {
    applies: ({ effectiveAt, ownAt }) => effectiveAt > ownAt + 1n,
    describe: ({ effectiveAt, ownAt }) =>
      `is dated ${formatDuration(effectiveAt - ownAt)} before the frame before it on the same socket; it counts as of then`,
  },
  {
    applies: ({ effectiveAt, ownAt }) => effectiveAt > ownAt,
    describe: () =>
      "is dated as the frame before it on the same socket is; it counts right behind that one",
  },
  {
    applies: ({ impossibleAt }) => impossibleAt !== null,
    describe: ({ impossibleAt, effectiveAt }) =>
      `is printed with the time ${formatTime(impossibleAt ?? 0n)}, which cannot be; it counts as of ${formatTime(effectiveAt)}`,
  },
  {
    applies: ({ isUndated, kind }) => isUndated && kind === "run",
    describe: ({ effectiveAt }) =>
      `has no time of its own; it counts as of its arrival, ${formatTime(effectiveAt)}`,
  },
  {
    applies: ({ late }) => late,
    describe: ({ effectiveAt }) => `came late and takes its place at ${formatTime(effectiveAt)}`,
  },
];

/** How its balance relates to the one before it; the rule is in arrangement.ts. */
const BALANCE_REASONS: readonly Reason[] = [
  {
    applies: ({ missing }) => missing !== null,
    describe: (entry) =>
      `it begins from ${printed(balanceBefore(entry))}, and ${nameOfId(entry.missingAfter)} left ${printed(leftBefore(entry))}: ${printed(entry.missing)} is missing between the two`,
  },
  {
    applies: ({ opening }) => opening !== null,
    describe: ({ opening }) =>
      `nothing is known before it, when the account held ${printed(opening)}`,
  },
  {
    applies: ({ balance }) => balance === null,
    describe: ({ running }) =>
      `it states no balance, so its change is added to what was there: ${printed(running)}`,
  },
  {
    applies: ({ kind }) => kind === "snapshot",
    describe: () => "nothing before it explains that balance, so it stands for itself",
  },
  {
    applies: ({ change }) => change === null,
    describe: () => "none of its movements is known, so nothing can be missing before it",
  },
  {
    applies: () => true,
    describe: (entry) => `it connects with what was there before, ${printed(balanceBefore(entry))}`,
  },
];

/** Explains what a report states, its effective time, and whether it connects. */
export function reportReason(entry: Entry): string {
  const { balance } = entry;
  const states = balance === null ? "states no balance" : `states a balance of ${printed(balance)}`;
  const when = timeReason(entry);
  return [`${nameOf(entry)} ${states}`, when && `it ${when}`, balanceReason(entry)]
    .filter((part) => part !== null)
    .join("; ");
}

/** Explains what a movement changes, and the effective time of its run. */
export function movementReason(entry: Entry, movement: FactState): string {
  const { movement_id, movement_type, change } = inForce(movement);
  const what = typeof movement_type === "string" ? movement_type : "movement";
  const moves = `${what} ${movement_id} of ${nameOf(entry)} changes the account by ${change}`;
  const when = timeReason(entry);
  return when === null ? moves : `${moves}; the run ${when}`;
}

/** Explains a snapshot that its account's history confirms. */
export function confirmingReason(statement: FactState, confirmedBy: string | null): string {
  const { balance } = inForce(statement);
  const by = confirmedBy === null ? "the last run that surely is in it" : nameOfId(confirmedBy);
  return balance === undefined
    ? "a snapshot lists the account and states no balance"
    : `a snapshot states ${String(balance)}, which ${by} leaves or begins from: it takes no place in the history`;
}

/** null if the effective time needs no explanation; a snapshot's needs none. */
const timeReason = (entry: Entry): string | null =>
  TIME_REASONS.find(({ applies }) => applies(entry))?.describe(entry) ?? null;

const balanceReason = (entry: Entry): string =>
  BALANCE_REASONS.find(({ applies }) => applies(entry))?.describe(entry) ?? "";

/** The arithmetic of an entry, in one line of text: before + change = after. */
export function arithmeticOf(entry: Entry) {
  const { missing, missingAfter, change, running } = entry;
  const before = balanceBefore(entry) ?? (change && running && subtract(running, change));
  const sum = `${printed(before)} ${signed(change)} = ${printed(running)}`;
  const gap = missing === null ? "" : `, after ${printed(missing)} that is missing`;
  return {
    before: moneyText(before),
    change: moneyText(change),
    after: moneyText(running),
    missing: moneyText(missing),
    missing_after: missingAfter,
    line: `${nameOf(entry)}: ${sum}${gap}`,
  };
}

const moneyText = (amount: Money | null): string | null =>
  amount === null ? null : formatMoney(amount);

const printed = (amount: Money | null): string => moneyText(amount) ?? "an unknown amount";

const signed = (change: Money | null): string =>
  change?.isNegative() ? `− ${formatMoney(absolute(change))}` : `+ ${printed(change)}`;

/** The balance after the entry before a gap. */
function leftBefore(entry: Entry): Money | null {
  const before = balanceBefore(entry);
  return before === null || entry.missing === null ? null : subtract(before, entry.missing);
}

const nameOf = ({ kind, key }: Pick<Entry, "kind" | "key">): string => nameOfId(`${kind}:${key}`);

/** An entry's id in words. */
function nameOfId(id: string | null): string {
  if (id === null) return "nothing";
  const key = id.slice(id.indexOf(":") + 1);
  if (id.startsWith("snapshot:")) return `the snapshot ${key}`;
  return /^\d{4}-\d\d-\d\dT/.test(key) ? `the message of ${key}` : `run ${key}`;
}
