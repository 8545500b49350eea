import { absolute, formatMoney, type Money, subtract } from "../exact/money.ts";
import { formatDuration, formatTime } from "../exact/time.ts";
import { type FactState, inForce } from "../ingest/fact-state.ts";
import { balanceBefore, type Entry } from "./entry.ts";

/**
 * What the rules of this folder decided about an entry, in words. Each reason reads the very values
 * that the rules left in the entry, so it holds where they do.
 */
type Reason = Readonly<{
  holds: (entry: Entry) => boolean;
  say: (entry: Entry) => string;
}>;

/** When it counts; the rule is in effective-time.ts. The first that holds is said. */
const WHEN: readonly Reason[] = [
  {
    holds: ({ effectiveAt, ownAt }) => effectiveAt > ownAt + 1n,
    say: ({ effectiveAt, ownAt }) =>
      `is dated ${formatDuration(effectiveAt - ownAt)} before the frame before it on the same socket; it counts as of then`,
  },
  {
    holds: ({ effectiveAt, ownAt }) => effectiveAt > ownAt,
    say: () =>
      "is dated as the frame before it on the same socket is; it counts right behind that one",
  },
  {
    holds: ({ impossibleAt }) => impossibleAt !== null,
    say: ({ impossibleAt, effectiveAt }) =>
      `is printed with the time ${formatTime(impossibleAt ?? 0n)}, which cannot be; it counts as of ${formatTime(effectiveAt)}`,
  },
  {
    holds: ({ isUndated, kind }) => isUndated && kind === "run",
    say: ({ effectiveAt }) =>
      `has no time of its own; it counts as of its arrival, ${formatTime(effectiveAt)}`,
  },
  {
    holds: ({ late }) => late,
    say: ({ effectiveAt }) => `came late and takes its place at ${formatTime(effectiveAt)}`,
  },
];

/** How its balance stands to the one before it; the rule is in arrangement.ts. */
const STANDING: readonly Reason[] = [
  {
    holds: ({ missing }) => missing !== null,
    say: (entry) =>
      `it begins from ${printed(balanceBefore(entry))}, and ${nameOfId(entry.missingAfter)} left ${printed(leftBefore(entry))}: ${printed(entry.missing)} is missing between the two`,
  },
  {
    holds: ({ opening }) => opening !== null,
    say: ({ opening }) => `nothing is known before it, when the account held ${printed(opening)}`,
  },
  {
    holds: ({ balance }) => balance === null,
    say: ({ running }) =>
      `it states no balance, so its change is added to what was there: ${printed(running)}`,
  },
  {
    holds: ({ kind }) => kind === "snapshot",
    say: () => "nothing before it explains that balance, so it stands for itself",
  },
  {
    holds: ({ change }) => change === null,
    say: () => "none of its movements is known, so nothing can be missing before it",
  },
  {
    holds: () => true,
    say: (entry) => `it connects with what was there before, ${printed(balanceBefore(entry))}`,
  },
];

/** What a report states, when it counts, and whether it connects. */
export function reportReason(entry: Entry): string {
  const { balance } = entry;
  const states = balance === null ? "states no balance" : `states a balance of ${printed(balance)}`;
  const when = whenReason(entry);
  return [`${nameOf(entry)} ${states}`, when && `it ${when}`, standingReason(entry)]
    .filter((part) => part !== null)
    .join("; ");
}

/** What a movement changes, and when its run counts. */
export function movementReason(entry: Entry, movement: FactState): string {
  const { movement_id, movement_type, change } = inForce(movement);
  const what = typeof movement_type === "string" ? movement_type : "movement";
  const moves = `${what} ${movement_id} of ${nameOf(entry)} changes the account by ${change}`;
  const when = whenReason(entry);
  return when === null ? moves : `${moves}; the run ${when}`;
}

/** What a snapshot states that its account's history has already. */
export function confirmingReason(statement: FactState, confirmedBy: string | null): string {
  const { balance } = inForce(statement);
  const by = confirmedBy === null ? "the last run that surely is in it" : nameOfId(confirmedBy);
  return balance === undefined
    ? "a snapshot lists the account and states no balance"
    : `a snapshot states ${String(balance)}, which ${by} leaves or begins from: it takes no place in the history`;
}

/** Where something is to be said of it; a snapshot counts where it stands. */
const whenReason = (entry: Entry): string | null =>
  WHEN.find(({ holds }) => holds(entry))?.say(entry) ?? null;

const standingReason = (entry: Entry): string =>
  STANDING.find(({ holds }) => holds(entry))?.say(entry) ?? "";

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

/** What the entry before a gap left. */
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
