import type { Money } from "../exact/money.ts";
import { type Nanos, SECOND } from "../exact/time.ts";
import { firstWhere } from "../sorted.ts";
import {
  compareArrivals,
  comparePlaces,
  type History,
  LEFT,
  type OutOfReach,
  type Placed,
  RIGHT,
} from "./arrangement.ts";
import { CLOCK_LIMIT } from "./effective-time.ts";
import { balanceBefore, type Entry, entryId } from "./entry.ts";
import { errorOf, PLACES_MAX } from "./ordering.ts";

/**
 * A snapshot shows the provider's balance at one moment between our subscription and its arrival.
 * Events recorded before its connection was opened are included: the opening is durable before the
 * subscription is sent, so positions prove it, without a clock. An entry dated more than 5 s after
 * its arrival is not included. Any entry between these two may be.
 */
const RECEIVER_ERROR: Nanos = 5n * SECOND;

/** No recorded entry takes effect later than this after its arrival. */
const LATEST_EFFECT: Nanos = CLOCK_LIMIT + SECOND;

/** The snapshot is confirmed by the last entry that is certainly included in it. */
const BY_LAST_INCLUDED = "=";

export type Judgement = Readonly<{
  outcome: "judged";
  /**
   * `BY_LAST_INCLUDED`, the id of an entry, or null if nothing confirms it: then it becomes an
   * entry.
   */
  confirmedBy: string | null;
  /** The last entry that is certainly included; null if there is none. */
  sure: Entry | null;
}>;

/**
 * Compares a snapshot with the last entry that is certainly included, and with later ones that may
 * be.
 *
 * @param latest a place behind which no entry is certainly included; null if that is not known
 */
export function judgeSnapshot(
  history: History,
  snapshot: Entry,
  latest: Placed | null,
): Judgement | OutOfReach {
  const { entries, isEnd, same } = history;
  const at = lastIncluded(history, snapshot, latest);
  if (typeof at !== "number") return at;
  const sure = entries[at] ?? null;
  const judged = (confirmedBy: string | null): Judgement => ({
    outcome: "judged",
    confirmedBy,
    sure,
  });
  const { balance } = snapshot;
  if (balance === null) return judged(BY_LAST_INCLUDED);
  const held = sure && balanceHeld(sure);
  if (held && same(held, balance)) return judged(BY_LAST_INCLUDED);
  for (let next = at + 1; next <= at + PLACES_MAX; next += 1) {
    const entry = entries[next];
    if (entry === undefined) return isEnd ? judged(null) : RIGHT;
    if (isLaterSnapshot(entry, snapshot)) continue;
    if (!mayBeIn(entry, snapshot)) break;
    if (states(entry, balance, history)) return judged(entryId(entry));
  }
  return judged(null);
}

/** The index of the last entry that is certainly included; −1 if there is none. */
function lastIncluded(
  { entries, isStart, isEnd }: History,
  snapshot: Entry,
  latest: Placed | null,
): number | OutOfReach {
  let at = endOfIncluded(entries, snapshot, latest);
  if (at === entries.length && !isEnd) return RIGHT;
  for (at -= 1; at >= 0; at -= 1) {
    const entry = entries[at] as Entry;
    if (isCertainlyIn(entry, snapshot) && !isLaterSnapshot(entry, snapshot)) return at;
  }
  return isStart ? at : LEFT;
}

/**
 * The index behind all entries that are certainly included. If it is not known, it is behind all that may
 * have been recorded before the snapshot arrived, if clocks agree; and behind those that follow and are
 * included, if its clock was behind.
 */
function endOfIncluded(entries: readonly Entry[], snapshot: Entry, latest: Placed | null): number {
  const isBehind =
    latest === null
      ? ({ placedAt }: Entry) => placedAt > snapshot.arrivedAt + LATEST_EFFECT
      : (entry: Entry) => comparePlaces(entry, latest) > 0;
  let end = firstWhere(entries, isBehind);
  while (end < entries.length && isCertainlyIn(entries[end] as Entry, snapshot)) end += 1;
  return end;
}

const isCertainlyIn = (entry: Entry, { openedAt }: Pick<Entry, "openedAt">): boolean =>
  entry.recordedAt < openedAt;

/**
 * Whether an entry after the last certain one may be included in the snapshot; an undated run
 * always may.
 */
export const mayBeIn = (entry: Entry, { arrivedAt }: Pick<Entry, "arrivedAt">): boolean =>
  earliestArrivalWith(entry) <= arrivedAt;

/**
 * The earliest arrival of a snapshot that may include the entry: by its own time, not by its place.
 */
export const earliestArrivalWith = ({ kind, isUndated, ownAt }: Entry): Nanos =>
  isUndated && kind === "run" ? 0n : ownAt - RECEIVER_ERROR;

/**
 * The entries behind one that a snapshot may include without including that one: by their own times they
 * may be earlier. Where it stands before them, such a snapshot is not compared with them. The nearest 256
 * are examined.
 *
 * @returns `isWhole`: whether all of them are loaded
 */
export function hiddenBehind(
  { entries, isStart, isEnd }: History,
  entry: Entry,
): Readonly<{ hidden: readonly Entry[]; isWhole: boolean }> {
  const earliest = earliestArrivalWith(entry);
  const start = firstWhere(entries, (other) => comparePlaces(other, entry) > 0);
  const limit = start + PLACES_MAX;
  let end = start;
  while (
    end < entries.length &&
    end < limit &&
    earliestArrivalWith(entries[end] as Entry) < earliest
  ) {
    end += 1;
  }
  const isWhole = (isStart || start > 0) && (isEnd || end < entries.length || end === limit);
  return { hidden: entries.slice(start, end), isWhole };
}

/** Whether the account had this balance before or after the entry. */
export function states(entry: Entry, balance: Money, { same }: Pick<History, "same">): boolean {
  const before = balanceBefore(entry);
  if (before !== null && same(before, balance)) return true;
  const after = balanceHeld(entry);
  return after !== null && same(after, balance);
}

/**
 * The balance after an entry for comparison with snapshots: after a run that states none it must
 * not depend on the snapshot that is compared with it.
 */
export const balanceHeld = ({ kind, running, runningOfRuns }: Entry): Money | null =>
  kind === "snapshot" ? running : runningOfRuns;

/** Snapshots are judged in order of arrival, by those before them. */
const isLaterSnapshot = (entry: Entry, snapshot: Entry): boolean =>
  entry.kind === "snapshot" && compareArrivals(entry, snapshot) >= 0;

/** A snapshot as an account sees it that is missing from it. */
export type Omission = Readonly<{
  /** The position where its feed was opened. Everything recorded before is included. */
  openedAt: number;
  /** When its feed was opened, before the subscription. */
  openedOn: Nanos;
  arrivedAt: Nanos;
}>;

/**
 * Whether nothing confirms the account's last balance since a snapshot that does not list it, and so
 * shows that it held zero at one moment. Read from the end, the history tells by the first entry that
 * - is certainly included in the snapshot: no report confirms a balance since;
 * - certainly took effect after it: that report does;
 * - may have taken effect after it, and begins from zero: then nothing is hidden in between.
 *
 * The nearest 256 are examined: without any of these among them the balance is not confirmed.
 */
export function isUnconfirmedSince(
  { entries, isStart, isEnd }: History,
  omission: Omission,
): boolean | OutOfReach {
  if (!isEnd) return RIGHT;
  const { running = null } = entries.at(-1) ?? {};
  if (running === null || running.isZero()) return false;
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const entry = entries[at] as Entry;
    if (isIncluded(entry, omission) || entries.length - at > PLACES_MAX) return true;
    if (isLaterThan(entry, omission)) return false;
    const before = entries[at - 1];
    if (before === undefined && !isStart) return LEFT;
    if (beginsFromZero(entry, before)) return false;
  }
  return true;
}

/**
 * By the stream, or by a time that no socket's order moved: that one may be any moment before. A run that
 * is recorded after the opening, and arrived long before it, shows that the clock was ahead at the opening:
 * then times tell nothing.
 */
const isIncluded = (entry: Entry, omission: Omission): boolean =>
  isCertainlyIn(entry, omission) || isDatedBefore(entry, omission);

const isDatedBefore = (entry: Entry, { openedOn }: Omission): boolean =>
  isDated(entry) &&
  entry.effectiveAt === entry.ownAt &&
  entry.effectiveAt + errorOf(entry) + RECEIVER_ERROR < openedOn &&
  openedOn <= entry.arrivedAt + RECEIVER_ERROR;

/** A run that its socket reported after one that is certainly later is certainly later too. */
const isLaterThan = (entry: Entry, { arrivedAt }: Pick<Omission, "arrivedAt">): boolean =>
  isDated(entry) && entry.effectiveAt > latestDateIn(arrivedAt);

/** A run dated later than this is certainly not included in a snapshot of that arrival. */
export const latestDateIn = (arrivedAt: Nanos): Nanos => arrivedAt + RECEIVER_ERROR;

const isDated = ({ kind, isUndated }: Entry): boolean => kind === "run" && !isUndated;

/** An account begins with nothing, unless its first report says otherwise. */
function beginsFromZero(entry: Entry, before: Entry | undefined): boolean {
  const from = balanceBefore(entry);
  if (before === undefined) return from === null || from.isZero();
  return from?.isZero() === true || before.running?.isZero() === true;
}
