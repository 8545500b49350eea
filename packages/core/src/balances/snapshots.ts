import type { Money } from "../exact/money.ts";
import { type Nanos, SECOND } from "../exact/time.ts";
import { compareArrivals, type History, LEFT, type OutOfReach, RIGHT } from "./arrangement.ts";
import { CLOCK_LIMIT } from "./effective-time.ts";
import { balanceBefore, type Entry, entryId } from "./entry.ts";
import { PLACES_MAX } from "./ordering.ts";

/**
 * A snapshot says what the provider held at one moment between our subscription and its arrival.
 * What the stream holds before that connection was opened is in it: the opening is durable before
 * the subscription is sent, so positions prove it and no clock does. What is dated more than 5 s
 * after its arrival is not in it. Whatever stands between these two may be.
 */
const RECEIVER_ERROR: Nanos = 5n * SECOND;

/** No entry that is recorded takes effect later than this after its arrival. */
const LATEST_EFFECT: Nanos = CLOCK_LIMIT + SECOND;

/** By what a snapshot is confirmed: the last report that surely is in it, or one that may be. */
const BY_THE_SURE_ONE = "=";

export type Judgement = Readonly<{
  outcome: "judged";
  /** `BY_THE_SURE_ONE`, the id of an entry, or null where nothing confirms it: then it stands. */
  confirmedBy: string | null;
  /** The last entry that surely is in it; null where none is. */
  sure: Entry | null;
}>;

/** Looks at the last entry that surely is in the snapshot, and at those behind it that may be. */
export function judgeSnapshot(history: History, snapshot: Entry): Judgement | OutOfReach {
  const { entries, isStart, isEnd, same } = history;
  const others = (entry: Entry) => !isLaterSnapshot(entry, snapshot);
  let at = entries.length - 1;
  const last = entries[at];
  if (!isEnd && (!last || last.placedAt <= snapshot.arrivedAt + LATEST_EFFECT)) return RIGHT;
  while (at >= 0 && !(others(entries[at] as Entry) && isSurelyIn(entries[at] as Entry, snapshot))) {
    at -= 1;
  }
  if (at < 0 && !isStart) return LEFT;
  const sure = entries[at] ?? null;
  const judged = (confirmedBy: string | null): Judgement => ({
    outcome: "judged",
    confirmedBy,
    sure,
  });
  const { balance } = snapshot;
  if (balance === null) return judged(BY_THE_SURE_ONE);
  const held = sure && balanceHeld(sure);
  if (held && same(held, balance)) return judged(BY_THE_SURE_ONE);
  const candidates = entries.slice(at + 1, at + 1 + PLACES_MAX).filter(others);
  for (const entry of candidates) {
    if (!mayBeIn(entry, snapshot)) break;
    if (states(entry, balance, history)) return judged(entryId(entry));
  }
  return judged(null);
}

const isSurelyIn = (entry: Entry, snapshot: Entry): boolean => entry.recordedAt < snapshot.openedAt;

/** Whether an entry behind the sure one may be in the snapshot; a run that nobody dated always may. */
export const mayBeIn = (entry: Entry, { arrivedAt }: Pick<Entry, "arrivedAt">): boolean =>
  earliestArrivalWith(entry) <= arrivedAt;

/** The earliest arrival of a snapshot that the entry may be in: by its own date, not by its place. */
export const earliestArrivalWith = ({ kind, isUndated, ownAt }: Entry): Nanos =>
  isUndated && kind === "run" ? 0n : ownAt - RECEIVER_ERROR;

/** Whether the account had this balance before or after the entry. */
export function states(entry: Entry, balance: Money, { same }: Pick<History, "same">): boolean {
  const before = balanceBefore(entry);
  if (before !== null && same(before, balance)) return true;
  const after = balanceHeld(entry);
  return after !== null && same(after, balance);
}

/**
 * The balance after an entry as snapshots are compared with it: what a run that states none leaves
 * must not depend on the snapshot that is judged by it.
 */
export const balanceHeld = ({ kind, running, runningOfRuns }: Entry): Money | null =>
  kind === "snapshot" ? running : runningOfRuns;

/** Snapshots are judged in order of arrival, by those before them. */
const isLaterSnapshot = (entry: Entry, snapshot: Entry): boolean =>
  entry.kind === "snapshot" && compareArrivals(entry, snapshot) >= 0;
