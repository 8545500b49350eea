import { type Money, subtract } from "../exact/money.ts";
import type { Nanos } from "../exact/time.ts";
import {
  ALONE,
  balanceAfter,
  balanceBefore,
  type Entry,
  type EntryPlace,
  entryId,
  GOES_ON,
  IN_LARGE,
  type Same,
  sameOn,
} from "./entry.ts";
import {
  CLUSTER_MAX,
  clustersOf,
  compareReports,
  counterTimes,
  headsOf,
  orderCluster,
  PLACES_MAX,
  TIME_ERROR,
} from "./ordering.ts";

/**
 * The part of an account's history that is in memory: entries that lie together, in their order.
 * A change looks at what lies around its place and nothing else; where that is not in memory it
 * says on which side more is needed. The caller brings it in and asks again.
 */
export type History = {
  readonly account: string;
  readonly same: Same;
  /** The first one begins a cluster, or lies in a large one. */
  readonly entries: Entry[];
  readonly byId: Map<string, Entry>;
  /** Whether the account's history begins and ends with them. */
  isStart: boolean;
  isEnd: boolean;
};

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

/** Where an entry stands among the others. */
export type Placed = Pick<EntryPlace, "placedAt" | "rank" | "mark">;

export type OutOfReach = Readonly<{ outcome: "out_of_reach"; side: "left" | "right" }>;
export const LEFT: OutOfReach = { outcome: "out_of_reach", side: "left" };
export const RIGHT: OutOfReach = { outcome: "out_of_reach", side: "right" };

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

/** Lets go of all but the end of the history: enough for the next run in order. */
export function trimHistory(history: History): void {
  const { entries, byId } = history;
  let first = clusterStart(entries, entries.length - 1);
  // A cluster that is still open may be ordered anew: its surroundings stay.
  if (first < entries.length - 1 && first > 0) first = clusterStart(entries, first - 1);
  if (entries.at(-1)?.joined === IN_LARGE) first = Math.min(first, entries.length - LARGE_KEPT);
  while (first > 0 && entries[first]?.joined === GOES_ON) first -= 1;
  if (first <= 0) return;
  for (const entry of entries.splice(0, first)) byId.delete(entryId(entry));
  history.isStart = false;
}

const LARGE_KEPT = 64;

/** What a rearrangement is about: an entry as it was and as it is now, at one effective time. */
export type Change = Readonly<{
  before: Entry | null;
  after: Entry | null;
  /** Around which time it lies; a snapshot may stand later than it arrived. */
  at: Nanos;
  /** Whether a run without a time of its own may lie within reach. */
  nearUndated: boolean;
  position: number;
}>;

/**
 * Takes an entry into the history, out of it, or puts another version in its place: the clusters
 * around it are ordered anew, then balances and gaps computed as far as they change. Where it does
 * not reach, nothing was changed.
 */
export function rearrange(history: History, change: Change): Rearranged | OutOfReach {
  const region = regionOf(history, change);
  if ("outcome" in region) return region;
  const { from } = region;
  for (let { to } = region; ; ) {
    const order = orderRegion(history, { from, to }, change);
    const computed = computeBalances(history, { from, to }, order);
    if ("outcome" in computed) return computed;
    if (computed.reorderTo !== null) to = computed.reorderTo;
    else return replace(history, from, computed, change);
  }
}

type Region = Readonly<{ from: number; to: number }>;

/** What may be ordered anew: whole clusters, and before them the one whose way out this is. */
function regionOf(history: History, change: Change): Region | OutOfReach {
  const { entries, isStart, isEnd } = history;
  const { before, at } = change;
  const place = insertionPoint(entries, change);
  const reach = isInLarge(entries, place) ? LARGE_REACH : PLACES_MAX;
  let from = Math.max(firstPlacedAt(entries, at - TIME_ERROR), place - reach);
  let to = Math.min(firstPlacedAt(entries, at + TIME_ERROR + 1n), place + reach);
  if (change.nearUndated) [from, to] = [place - reach, place + reach];
  if (from < 0 && !isStart) return LEFT;
  if (to > entries.length && !isEnd) return RIGHT;
  [from, to] = [Math.max(from, 0), Math.min(to, entries.length)];
  if (before !== null) {
    const index = indexOf(entries, before);
    [from, to] = [Math.min(from, index), Math.max(to, index + 1)];
  }
  if (from < entries.length) from = clusterStart(entries, from);
  // The cluster before ends where this begins; snapshots that stand there may have to go on.
  if (from > 0) {
    const start = clusterStart(entries, from - 1);
    if (start < from - 1 || entries[start]?.kind === "snapshot") from = start;
  }
  if (from === 0 && !isStart) return LEFT;
  // The first of a cluster is not always its earliest: one that begins behind may reach back.
  to = clusterEnd(entries, clusterEnd(entries, to) + 1);
  to = Math.min(to, entries.length);
  const isWhole = clusterEnd(entries, to + 1) < entries.length || isEnd;
  return isWhole ? { from, to } : RIGHT;
}

/** In a large cluster few places around a report are looked at: it is not ordered as a whole. */
const LARGE_REACH = 16;

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

export function comparePlaces(a: Placed, b: Placed): number {
  if (a.placedAt !== b.placedAt) return a.placedAt < b.placedAt ? -1 : 1;
  if (a.rank !== b.rank) return a.rank - b.rank;
  return a.mark < b.mark ? -1 : a.mark > b.mark ? 1 : 0;
}

function clusterStart(entries: readonly Entry[], at: number): number {
  let start = at;
  while (start > 0 && entries[start]?.joined === GOES_ON) start -= 1;
  return start;
}

function clusterEnd(entries: readonly Entry[], at: number): number {
  let end = at;
  while (entries[end]?.joined === GOES_ON) end += 1;
  return end;
}

/** The entries of a region in their new order, each with its place; balances are still the old ones. */
function orderRegion(history: History, { from, to }: Region, { before, after }: Change): Entry[] {
  const { entries, same } = history;
  const inside = entries.slice(from, to).filter((entry) => entry !== before);
  if (after !== null) inside.push({ ...after, joined: ALONE });
  const runs = inside.filter(({ kind }) => kind === "run").sort(compareReports);
  const ordered: Entry[] = [];
  let running = entries[from - 1]?.runningOfRuns ?? null;
  const clusters = clustersOf(runs);
  const behind = headsAt(entries, to);
  clusters.forEach((cluster, at) => {
    const next = clusters[at + 1];
    const heads = next === undefined ? behind : headsOf(next);
    const placed = isLarge(cluster)
      ? placeInLarge(cluster)
      : placeCluster(orderCluster(cluster, { before: running, heads, same }));
    for (const entry of placed) running = balanceAfter(running, entry);
    ordered.push(...placed);
  });
  if (ordered.some(({ joined }) => joined === IN_LARGE)) ordered.sort(comparePlaces);
  const snapshots = inside.filter(({ kind }) => kind === "snapshot");
  return snapshots.length === 0 ? ordered : withSnapshots(ordered, snapshots, entries[from - 1]);
}

/** Of the cluster that begins there, the runs that may come first. */
function headsAt(entries: readonly Entry[], at: number): readonly Entry[] {
  const cluster = entries.slice(at, clusterEnd(entries, at + 1));
  return headsOf(cluster.filter(({ kind }) => kind === "run").sort(compareReports));
}

const isLarge = (cluster: readonly Entry[]): boolean =>
  cluster.length > CLUSTER_MAX || cluster.some(({ joined }) => joined === IN_LARGE);

/** Places never fall along an order, so that one index finds an entry by time and by place. */
function placeCluster(order: readonly Entry[]): Entry[] {
  let placedAt = 0n;
  return order.map((entry, rank) => {
    if (entry.effectiveAt > placedAt) placedAt = entry.effectiveAt;
    return { ...entry, placedAt, rank, mark: "", joined: rank === 0 ? ALONE : GOES_ON };
  });
}

/**
 * In a large cluster each report has a place of its own, by the provider's counter as far as times
 * allow: so one more of them moves only what it overtakes.
 */
function placeInLarge(cluster: readonly Entry[]): Entry[] {
  const times = counterTimes(cluster);
  const placed = cluster.map((entry): Entry => {
    const time = times.get(entry) ?? entry.effectiveAt;
    const known = entry.joined === IN_LARGE && entry.placedAt > time;
    const placedAt = known ? entry.placedAt : time;
    return { ...entry, placedAt, rank: 0, mark: entry.counter, joined: IN_LARGE };
  });
  return placed.sort(comparePlaces);
}

/**
 * A snapshot that stands does so behind the last run that surely is in it, or that took effect
 * before it arrived.
 *
 * @param beforeAll the run that stands before the region
 */
function withSnapshots(
  runs: readonly Entry[],
  snapshots: readonly Entry[],
  beforeAll: Entry | undefined,
): Entry[] {
  const behind = new Map<number, Entry[]>();
  let least = -1;
  for (const snapshot of [...snapshots].sort(compareArrivals)) {
    const isBehind = (run: Entry) =>
      run.recordedAt < snapshot.openedAt || run.effectiveAt <= snapshot.arrivedAt;
    least = Math.max(least, runs.findLastIndex(isBehind));
    const anchor = runs[least] ?? beforeAll;
    const placed = placeBehind(anchor, snapshot);
    behind.set(least, [...(behind.get(least) ?? []), placed]);
  }
  return [
    ...(behind.get(-1) ?? []),
    ...runs.flatMap((run, at) => [run, ...(behind.get(at) ?? [])]),
  ];
}

export function compareArrivals(a: Entry, b: Entry): number {
  if (a.arrivedAt !== b.arrivedAt) return a.arrivedAt < b.arrivedAt ? -1 : 1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function placeBehind(anchor: Entry | undefined, snapshot: Entry): Entry {
  const { placedAt = 0n, rank = 0, mark = "" } = anchor ?? {};
  const arrival = String(snapshot.arrivedAt).padStart(20, "0");
  return {
    ...snapshot,
    placedAt,
    rank,
    mark: `${mark}~${arrival}${snapshot.key}`,
    joined: anchor === undefined ? ALONE : GOES_ON,
  };
}

type Computed = Readonly<{
  entries: readonly Entry[];
  /** How far entries of the history are replaced by them. */
  to: number;
  /** A cluster behind them has another balance before it: it ends here, and is to be ordered anew. */
  reorderTo: number | null;
}>;

/** Balances and gaps along the new order, and after it for as long as they change. */
function computeBalances(
  history: History,
  { from, to }: Region,
  order: readonly Entry[],
): Computed | OutOfReach {
  const { entries, same, isEnd } = history;
  const computed: Entry[] = [];
  let before = entries[from - 1] ?? null;
  for (const entry of order) {
    before = withBalances(entry, before, same);
    computed.push(before);
  }
  let at = to;
  for (; at < entries.length; at += 1) {
    const known = entries[at] as Entry;
    const isMoved = !isSameMoney(before?.runningOfRuns, entries[at - 1]?.runningOfRuns);
    const end = clusterEnd(entries, at + 1);
    if (isMoved && known.joined === ALONE && end > at + 1) {
      if (end === entries.length && !isEnd) return RIGHT;
      return { entries: computed, to: at, reorderTo: end };
    }
    const next = withBalances(known, before, same);
    if (isSameBalance(known, next)) break;
    computed.push(next);
    before = next;
  }
  return at === entries.length && !isEnd ? RIGHT : { entries: computed, to: at, reorderTo: null };
}

function withBalances(entry: Entry, before: Entry | null, same: Same): Entry {
  const from = balanceBefore(entry);
  const isRun = entry.kind === "run";
  const stood = before?.running ?? null;
  const missing =
    stood === null || from === null || same(stood, from) ? null : subtract(from, stood);
  const runs = before?.runningOfRuns ?? null;
  return {
    ...entry,
    missing,
    missingAfter: missing === null || before === null ? null : entryId(before),
    opening: before === null && isRun && from !== null && !from.isZero() ? from : null,
    running: balanceAfter(stood, entry),
    runningOfRuns: isRun ? balanceAfter(runs, entry) : runs,
  };
}

const isSameBalance = (a: Entry, b: Entry): boolean =>
  a.missingAfter === b.missingAfter &&
  isSameMoney(a.running, b.running) &&
  isSameMoney(a.runningOfRuns, b.runningOfRuns) &&
  isSameMoney(a.missing, b.missing) &&
  isSameMoney(a.opening, b.opening);

function isSameMoney(a: Money | null | undefined, b: Money | null | undefined): boolean {
  return !a || !b ? !a === !b : a === b || a.equals(b);
}

const isSamePlace = (a: Entry, b: Entry): boolean =>
  comparePlaces(a, b) === 0 && a.joined === b.joined;

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
 * The common case without looking around: a run that is the last, or becomes it, further from the
 * others than any order reaches, and where no snapshot stands.
 */
export function appendInOrder(history: History, change: Change): Rearranged | null {
  const { entries, byId, isEnd, isStart, same } = history;
  const { before, after, position } = change;
  if (after === null || !isEnd || after.kind !== "run" || change.nearUndated) return null;
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

/** Nothing behind this entry can change it, and it cannot be confused with the one behind it. */
const isCalm = (left: Entry, { effectiveAt }: Entry): boolean =>
  left.joined === ALONE && left.kind === "run" && effectiveAt - left.placedAt > TIME_ERROR;
