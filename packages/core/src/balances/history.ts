import type { Nanos } from "../exact/time.ts";
import {
  anchorOf,
  type Change,
  type Computed,
  clusterEnd,
  clusterStart,
  compareArrivals,
  comparePlaces,
  computeBalances,
  type History,
  isClusterWhole,
  isSameBalance,
  isSamePlace,
  LEFT,
  type OutOfReach,
  orderRegion,
  placeBehind,
  type Region,
  RIGHT,
  withBalances,
} from "./arrangement.ts";
import { ALONE, type Entry, entryId, GOES_ON, IN_LARGE, sameOn } from "./entry.ts";
import { areLinked, compareReports, PLACES_MAX, TIME_ERROR } from "./ordering.ts";

export function newHistory(account: string): History {
  return {
    account,
    same: sameOn(account),
    entries: [],
    byId: new Map(),
    isStart: true,
    isEnd: true,
  };
}

/** What became of one entry; null: it was not there, or it is gone. */
export type EntryChange = Readonly<{ before: Entry | null; after: Entry | null }>;

export type Rearranged = Readonly<{ outcome: "rearranged"; changes: readonly EntryChange[] }>;

/** Puts entries that lie right before those in memory, or right after them, beside them. */
export function extendHistory(
  history: History,
  side: "left" | "right",
  entries: readonly Entry[],
  isAll: boolean,
): void {
  for (const entry of entries) history.byId.set(entryId(entry), entry);
  if (side === "left") history.entries.unshift(...entries);
  else history.entries.push(...entries);
  if (side === "left") history.isStart = isAll;
  else history.isEnd = isAll;
}

/** Lets go of all but the end of the history: enough for the next entry in order. */
export function trimHistory(history: History): void {
  const { entries, byId } = history;
  const last = entries.at(-1);
  let first = clusterStart(entries, entries.length - 1);
  // A cluster that is still open may be ordered anew: its surroundings stay.
  if (first < entries.length - 1 && first > 0) first = clusterStart(entries, first - 1);
  if (last?.joined === IN_LARGE) first = Math.min(first, entries.length - KEPT);
  // Any number of snapshots may stand behind one run.
  if (last?.kind === "snapshot") first = Math.max(first, entries.length - KEPT);
  if (first <= 0) return;
  for (const entry of entries.splice(0, first)) byId.delete(entryId(entry));
  history.isStart = false;
}

/**
 * Takes an entry into the history, out of it, or puts another version in its place: the clusters
 * around it are ordered anew, then balances and gaps computed as far as they change. Where it does
 * not reach, nothing was changed.
 */
export function rearrange(history: History, change: Change): Rearranged | OutOfReach {
  const reach = reachOf(history, change);
  if ("outcome" in reach) return reach;
  let region = change.nearUndated ? reach : clustersTouched(history, reach, change);
  for (;;) {
    const order = orderRegion(history, region, change);
    // An undated run may overtake any number; no more of them is looked at than lies in reach.
    const to = endOfOvertaken(history.entries, region.to, order.at(-1));
    if (to > region.to && !change.nearUndated) {
      if (!isClusterWhole(history, to)) return RIGHT;
      region = { from: region.from, to };
      continue;
    }
    const computed = computeBalances(history, region, order);
    return "outcome" in computed ? computed : replace(history, region.from, computed, change);
  }
}

/** In a large cluster the counter may put a report behind more than lies in reach. */
function endOfOvertaken(entries: readonly Entry[], to: number, last: Entry | undefined): number {
  const next = entries[to];
  if (!next || !last || comparePlaces(last, next) < 0) return to;
  return clusterEnd(
    entries,
    search(entries, (entry) => comparePlaces(entry, last) > 0),
  );
}

/** How far a change may reach: whole clusters, and before them the one whose way out this is. */
function reachOf(history: History, change: Change): Region | OutOfReach {
  const { entries, isStart, isEnd } = history;
  const { before, at } = change;
  const place = insertionPoint(entries, change);
  const reach = isInLarge(entries, place)
    ? largeReach(entries, place, at)
    : { from: place - PLACES_MAX, to: place + PLACES_MAX };
  let from = Math.max(firstPlacedAt(entries, at - TIME_ERROR), reach.from);
  let to = Math.min(firstPlacedAt(entries, at + TIME_ERROR + 1n), reach.to);
  if (change.nearUndated) ({ from, to } = reach);
  if (from < 0 && !isStart) return LEFT;
  if (to > entries.length && !isEnd) return RIGHT;
  [from, to] = [Math.max(from, 0), Math.min(to, entries.length)];
  if (before !== null) {
    const index = indexOf(entries, before);
    [from, to] = [Math.min(from, index), Math.max(to, index + 1)];
  }
  from = withClusterBefore(entries, from);
  if (from === 0 && !isStart) return LEFT;
  // The first of a cluster is not always its earliest: one that begins behind may reach back.
  to = clusterEnd(entries, clusterEnd(entries, to) + 1);
  to = Math.min(to, entries.length);
  return isClusterWhole(history, to) ? { from, to } : RIGHT;
}

/** The cluster before ends where this one begins; snapshots that stand there may have to go on. */
function withClusterBefore(entries: readonly Entry[], at: number): number {
  const from = at < entries.length ? clusterStart(entries, at) : at;
  if (from === 0) return from;
  const start = clusterStart(entries, from - 1);
  // What is in memory may begin within a cluster, and end it with one entry.
  const isCluster = start < from - 1 || entries[start]?.joined === GOES_ON;
  return isCluster || entries[start]?.kind === "snapshot" ? start : from;
}

/**
 * Within its reach, the clusters that the changed run belongs to, or did, and the one before them:
 * of a burst all others stay as they are. Clusters lie side by side also by time, so the run is
 * beside one, or in it. Where snapshots stand or clusters are large, all that is in reach.
 */
function clustersTouched(
  { entries }: History,
  reach: Region,
  { before, after }: Pick<Change, "before" | "after">,
): Region {
  if ((after ?? before)?.kind !== "run") return reach;
  let [from, to] = [reach.to, reach.from];
  const touch = (at: number, end: number) => {
    [from, to] = [Math.min(from, at), Math.max(to, end)];
  };
  let [firstBehind, endOfEarlier] = [reach.to, reach.from];
  for (let at = reach.from; at < reach.to; at += 1) {
    const entry = entries[at] as Entry;
    if (entry.kind !== "run") return reach;
    if (entry === before || (after !== null && areLinked(entry, after))) touch(at, at + 1);
    if (after === null) continue;
    if (compareReports(entry, after) < 0) endOfEarlier = at + 1;
    else firstBehind = Math.min(firstBehind, at);
  }
  if (after !== null)
    touch(Math.min(firstBehind, endOfEarlier), Math.max(firstBehind, endOfEarlier));
  to = clusterEnd(entries, to);
  from = Math.max(withClusterBefore(entries, from), reach.from);
  const around = entries.slice(Math.max(0, from - 1), to + 1);
  const isLarge = around.some(({ joined }) => joined === IN_LARGE);
  return isLarge ? reach : { from, to };
}

/**
 * In a large cluster few places around a report are looked at: it is not ordered as a whole. Times
 * that err by 8 ms put a report up to 46 places from its own where runs are 0.35 ms apart; among
 * reports of one instant it stands where its counter says.
 */
const LARGE_REACH = 64;
/** What the next run at the end looks at, and one more. */
const KEPT = LARGE_REACH + 1;
const ONE_INSTANT_REACH = 16;

function largeReach(entries: readonly Entry[], place: number, at: Nanos): Region {
  const isSame = (other: number) => entries[other]?.effectiveAt === at;
  const before = isSame(place - ONE_INSTANT_REACH) ? ONE_INSTANT_REACH : LARGE_REACH;
  const behind = isSame(place + ONE_INSTANT_REACH) ? ONE_INSTANT_REACH : LARGE_REACH;
  return { from: place - before, to: place + behind };
}

const isInLarge = (entries: readonly Entry[], place: number): boolean =>
  entries[place - 1]?.joined === IN_LARGE || entries[place]?.joined === IN_LARGE;

/** Where the changed entry stands, or would stand if nothing were ambiguous. */
function insertionPoint(entries: readonly Entry[], { before, after, at }: Change): number {
  if (before !== null) return indexOf(entries, before);
  const mark = after?.counter ?? "";
  return search(entries, (entry) =>
    entry.placedAt === at ? entry.mark >= mark : entry.placedAt > at,
  );
}

const firstPlacedAt = (entries: readonly Entry[], time: Nanos): number =>
  search(entries, ({ placedAt }) => placedAt >= time);

const indexOf = (entries: readonly Entry[], entry: Entry): number =>
  search(entries, (other) => comparePlaces(other, entry) >= 0);

/** The first index whose entry, like all after it, meets the condition. */
function search(entries: readonly Entry[], meets: (entry: Entry) => boolean): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (meets(entries[middle] as Entry)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Puts the computed entries in, and says which are others than they were. */
function replace(
  history: History,
  from: number,
  { entries: computed, to }: Computed,
  { before, after, position }: Change,
): Rearranged {
  const { entries, byId } = history;
  const changes: EntryChange[] = [];
  const id = after && entryId(after);
  const placed = computed.map((entry, at): Entry => {
    const known = byId.get(entryId(entry)) ?? null;
    const isChanged = entryId(entry) === id;
    if (!isChanged && known && isSamePlace(known, entry) && isSameBalance(known, entry))
      return known;
    const next = computed[at + 1] ?? entries[to];
    const late = isChanged ? isLate(entry, next) : entry.late;
    const changed = { ...entry, late, position };
    changes.push({ before: known, after: changed });
    return changed;
  });
  if (before !== null && after === null) changes.push({ before, after: null });
  entries.splice(from, to - from, ...placed);
  if (before !== null && after === null) byId.delete(entryId(before));
  for (const { after: entry } of changes) if (entry !== null) byId.set(entryId(entry), entry);
  return { outcome: "rearranged", changes };
}

/** Whether what stands behind it was recorded before it. */
const isLate = (entry: Entry, next: Entry | undefined): boolean =>
  entry.kind === "run" && next !== undefined && next.recordedAt < entry.recordedAt;

/**
 * The common cases without looking around: a run that is the last, or becomes it, further from the
 * others than any order reaches, and where no snapshot stands; a snapshot behind others.
 */
export function appendInOrder(history: History, change: Change): Rearranged | null {
  const { entries, byId, isEnd, isStart, same } = history;
  const { before, after, position } = change;
  if (after?.kind === "snapshot") return appendSnapshot(history, change);
  if (after === null || !isEnd || change.nearUndated) return null;
  const last = entries.at(-1);
  if (before !== null && (last !== before || last.joined !== ALONE)) return null;
  const left = entries.at(before === null ? -1 : -2);
  if (left === undefined ? !isStart : !isCalm(left, after)) return null;
  const alone: Entry = { ...after, placedAt: after.effectiveAt, rank: 0, mark: "", joined: ALONE };
  const entry = { ...withBalances(alone, left ?? null, same), late: false, position };
  if (before !== null) entries.pop();
  entries.push(entry);
  byId.set(entryId(entry), entry);
  return { outcome: "rearranged", changes: [{ before, after: entry }] };
}

/** One more snapshot stands behind the same run as the last entry does, which is one too. */
function appendSnapshot(history: History, { before, after, position }: Change): Rearranged | null {
  const { entries, byId, isEnd, same } = history;
  const last = entries.at(-1);
  if (before !== null || after === null || !isEnd || last === undefined) return null;
  const isBehind = last.kind === "snapshot" && last.joined === GOES_ON;
  if (!isBehind || compareArrivals(last, after) >= 0) return null;
  const placed = placeBehind(anchorOf(last), after);
  const entry = { ...withBalances(placed, last, same), late: false, position };
  entries.push(entry);
  byId.set(entryId(entry), entry);
  return { outcome: "rearranged", changes: [{ before, after: entry }] };
}

/** Nothing behind this entry can change it, and it cannot be confused with the one behind it. */
const isCalm = (left: Entry, { effectiveAt }: Entry): boolean =>
  left.joined === ALONE && left.kind === "run" && effectiveAt - left.placedAt > TIME_ERROR;
