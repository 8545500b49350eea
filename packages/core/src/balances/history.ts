import type { Nanos } from "../exact/time.ts";
import { firstWhere } from "../sorted.ts";
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
import {
  CLUSTER_START,
  type Entry,
  entryId,
  IN_CLUSTER,
  IN_LARGE_CLUSTER,
  sameOn,
} from "./entry.ts";
import {
  areLinked,
  compareReports,
  ERROR_MAX,
  isEdge,
  isWhole,
  PLACES_MAX,
  TIME_ERROR,
} from "./ordering.ts";

/** The history of an account without entries. */
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

/** The change of one entry: `before` is null if it is new, `after` is null if it was removed. */
export type EntryChange = Readonly<{ before: Entry | null; after: Entry | null }>;

export type Rearranged = Readonly<{ outcome: "rearranged"; changes: readonly EntryChange[] }>;

/**
 * Adds the entries directly before or after the loaded ones.
 *
 * @param isAll whether the history has no further entries on that side
 */
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

/** Unloads all but the end of the history, which is enough to add the next entry in order. */
export function trimHistory(history: History): void {
  const { entries, byId } = history;
  const last = entries.at(-1);
  let first = clusterStart(entries, entries.length - 1);
  // The last cluster may still be reordered, so the cluster before it is kept too.
  if (first < entries.length - 1 && first > 0) first = clusterStart(entries, first - 1);
  if (last?.joined === IN_LARGE_CLUSTER) first = Math.min(first, entries.length - ENTRIES_KEPT);
  // Any number of snapshots may follow one run, so the kept part is limited.
  if (last?.kind === "snapshot") first = Math.max(first, entries.length - ENTRIES_KEPT);
  if (first <= 0) return;
  for (const entry of entries.splice(0, first)) byId.delete(entryId(entry));
  history.isStart = false;
}

/**
 * Adds an entry to the history, removes it, or replaces it with another version. The clusters
 * around it are reordered, then balances and gaps are recomputed as far as they change. If the
 * loaded part is too small, nothing is changed. Beside an undated run, a run whose counter would move it past
 * more than 256 others stays where it stood, or comes at its own time.
 */
export function rearrange(history: History, change: Change): Rearranged | OutOfReach {
  const reach = reachOf(history, change);
  if ("outcome" in reach) return reach;
  let region = change.nearUndated ? reach : clustersTouched(history, reach, change);
  let keepsPlaces = false;
  for (;;) {
    const order = orderRegion(history, region, { ...change, keepsPlaces });
    const from = startOfOvertaken(history.entries, region.from, order[0]);
    const to = endOfOvertaken(history.entries, region.to, order.at(-1));
    const overtaken = Math.max(reach.from - from, to - reach.to);
    if (change.nearUndated && !keepsPlaces && overtaken > PLACES_MAX) {
      keepsPlaces = true;
      region = reach;
      continue;
    }
    if (from === 0 && region.from > 0 && !history.isStart) return LEFT;
    if (to > region.to && !isClusterWhole(history, to)) return RIGHT;
    if (from < region.from || to > region.to) {
      region = { from, to };
      continue;
    }
    const computed = computeBalances(history, region, order);
    return "outcome" in computed ? computed : replace(history, region.from, computed, change);
  }
}

/**
 * The start of the entries that the first ordered one overtakes: in a large cluster a report that stood
 * behind its own time may come back to it.
 */
function startOfOvertaken(entries: readonly Entry[], from: number, first?: Entry): number {
  const before = entries[from - 1];
  if (!before || !first || comparePlaces(before, first) < 0) return from;
  return withClusterBefore(
    entries,
    firstWhere(entries, (entry) => comparePlaces(entry, first) >= 0),
  );
}

/**
 * The end of the entries that the last ordered one overtakes: in a large cluster the counter may
 * move a report beyond the region.
 */
function endOfOvertaken(entries: readonly Entry[], to: number, last: Entry | undefined): number {
  const next = entries[to];
  if (!next || !last || comparePlaces(last, next) < 0) return to;
  return clusterEnd(
    entries,
    firstWhere(entries, (entry) => comparePlaces(entry, last) > 0),
  );
}

/**
 * The region that a change may affect: whole clusters, and the cluster before them, whose order
 * depends on the balance that follows it.
 */
function reachOf(history: History, change: Change): Region | OutOfReach {
  const { entries, isStart, isEnd } = history;
  const { before, after, at, nearWhole } = change;
  const earlier = nearWhole ? ERROR_MAX : TIME_ERROR;
  const later = [before, after].some((entry) => entry && isWhole(entry)) ? ERROR_MAX : TIME_ERROR;
  const place = insertionPoint(entries, change);
  const reach = isInLarge(entries, place)
    ? largeReach(entries, place, at)
    : { from: place - PLACES_MAX, to: place + PLACES_MAX };
  let from = Math.max(firstPlacedAt(entries, at - earlier), reach.from);
  let to = Math.min(firstPlacedAt(entries, at + later + 1n), reach.to);
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
  // The first entry of a cluster is not always its earliest, so the next cluster may reach back.
  to = clusterEnd(entries, clusterEnd(entries, to) + 1);
  to = Math.min(to, entries.length);
  return isClusterWhole(history, to) ? { from, to } : RIGHT;
}

/**
 * Extends a region to the cluster before it: its order depends on the balance that follows, and its
 * snapshots may have to move.
 */
function withClusterBefore(entries: readonly Entry[], at: number): number {
  const from = at < entries.length ? clusterStart(entries, at) : at;
  if (from === 0) return from;
  const start = clusterStart(entries, from - 1);
  // The loaded part may begin within a cluster, with only the last entry of it.
  const isCluster = start < from - 1 || entries[start]?.joined === IN_CLUSTER;
  return isCluster || entries[start]?.kind === "snapshot" ? start : from;
}

/**
 * Narrows the region to the clusters that the changed run belongs or belonged to, and the one
 * before them; the other clusters of a burst do not change. Clusters do not overlap in time, so the
 * run lies in one or beside it. With snapshots or large clusters the whole region is used.
 */
function clustersTouched(
  { entries }: History,
  reach: Region,
  { before, after }: Pick<Change, "before" | "after">,
): Region {
  if ((after ?? before)?.kind !== "run") return reach;
  let [from, to] = [reach.to, reach.from];
  const include = (at: number, end: number) => {
    [from, to] = [Math.min(from, at), Math.max(to, end)];
  };
  let [firstBehind, endOfEarlier] = [reach.to, reach.from];
  for (let at = reach.from; at < reach.to; at += 1) {
    const entry = entries[at] as Entry;
    if (entry.kind !== "run") return reach;
    if (entry === before || (after !== null && areLinked(entry, after))) include(at, at + 1);
    if (after === null) continue;
    if (compareReports(entry, after) < 0) endOfEarlier = at + 1;
    else firstBehind = Math.min(firstBehind, at);
  }
  if (after !== null)
    include(Math.min(firstBehind, endOfEarlier), Math.max(firstBehind, endOfEarlier));
  to = clusterEnd(entries, to);
  from = Math.max(withClusterBefore(entries, from), reach.from);
  const around = entries.slice(Math.max(0, from - 1), to + 1);
  const isLarge = around.some(({ joined }) => joined === IN_LARGE_CLUSTER);
  return isLarge ? reach : { from, to };
}

/**
 * A large cluster is not ordered as a whole: only this many entries on each side of a report are
 * examined. With runs 0.35 ms apart, times that err by 8 ms put a report up to 46 places from its
 * own; among reports of one instant its counter gives its place.
 */
const LARGE_REACH = 64;
/** The entries that the next run at the end examines, and one more. */
const ENTRIES_KEPT = LARGE_REACH + 1;
const ONE_INSTANT_REACH = 16;

function largeReach(entries: readonly Entry[], place: number, at: Nanos): Region {
  const isSame = (other: number) => entries[other]?.effectiveAt === at;
  const before = isSame(place - ONE_INSTANT_REACH) ? ONE_INSTANT_REACH : LARGE_REACH;
  const behind = isSame(place + ONE_INSTANT_REACH) ? ONE_INSTANT_REACH : LARGE_REACH;
  return { from: place - before, to: place + behind };
}

const isInLarge = (entries: readonly Entry[], place: number): boolean =>
  entries[place - 1]?.joined === IN_LARGE_CLUSTER || entries[place]?.joined === IN_LARGE_CLUSTER;

/** The index of the changed entry, or where it would be if no order were ambiguous. */
function insertionPoint(entries: readonly Entry[], { before, after, at }: Change): number {
  if (before !== null) return indexOf(entries, before);
  const mark = after?.counter ?? "";
  return firstWhere(entries, (entry) =>
    entry.placedAt === at ? entry.mark >= mark : entry.placedAt > at,
  );
}

const firstPlacedAt = (entries: readonly Entry[], time: Nanos): number =>
  firstWhere(entries, ({ placedAt }) => placedAt >= time);

const indexOf = (entries: readonly Entry[], entry: Entry): number =>
  firstWhere(entries, (other) => comparePlaces(other, entry) >= 0);

/** Replaces a region with the computed entries. @returns the entries that changed */
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

/** Whether the entry after it was recorded before it. */
const isLate = (entry: Entry, next: Entry | undefined): boolean =>
  entry.kind === "run" && next !== undefined && next.recordedAt < entry.recordedAt;

/**
 * Handles the common cases without reordering: a run that is or becomes the last entry, too far
 * from the one before it to be confused with it and not after a snapshot; and a snapshot after
 * other snapshots.
 *
 * @returns null in all other cases
 */
export function appendInOrder(history: History, change: Change): Rearranged | null {
  const { entries, byId, isEnd, isStart, same } = history;
  const { before, after, position } = change;
  if (after?.kind === "snapshot") return appendSnapshot(history, change);
  if (after === null || !isEnd || change.nearUndated) return null;
  const last = entries.at(-1);
  if (before !== null && (last !== before || last.joined !== CLUSTER_START)) return null;
  const left = entries.at(before === null ? -1 : -2);
  if (left === undefined ? !isStart : !isCertainlyBefore(left, after)) return null;
  const alone: Entry = {
    ...after,
    placedAt: after.effectiveAt,
    rank: 0,
    mark: "",
    joined: CLUSTER_START,
  };
  const entry = { ...withBalances(alone, left ?? null, same), late: false, position };
  if (before !== null) entries.pop();
  entries.push(entry);
  byId.set(entryId(entry), entry);
  return { outcome: "rearranged", changes: [{ before, after: entry }] };
}

/** Appends a snapshot to those after the last run; the last entry is one of them. */
function appendSnapshot(history: History, { before, after, position }: Change): Rearranged | null {
  const { entries, byId, isEnd, same } = history;
  const last = entries.at(-1);
  if (before !== null || after === null || !isEnd || last === undefined) return null;
  const isBehind = last.kind === "snapshot" && last.joined === IN_CLUSTER;
  if (!isBehind || compareArrivals(last, after) >= 0) return null;
  const placed = placeBehind(anchorOf(last), after);
  const entry = { ...withBalances(placed, last, same), late: false, position };
  entries.push(entry);
  byId.set(entryId(entry), entry);
  return { outcome: "rearranged", changes: [{ before, after: entry }] };
}

/**
 * Whether no later entry can reorder this one, and its order with the next one is certain. An earlier
 * one may have its time in whole seconds: it is certain as well where the counter agrees.
 */
function isCertainlyBefore(left: Entry, { effectiveAt, counter }: Entry): boolean {
  if (left.joined !== CLUSTER_START || left.kind !== "run") return false;
  const apart = effectiveAt - left.placedAt;
  const isCounted = isEdge(left) && left.counter < counter;
  return apart > (isCounted ? TIME_ERROR : ERROR_MAX);
}
