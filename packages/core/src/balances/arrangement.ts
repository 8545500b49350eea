import { isSameMoney, subtract, ZERO } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { compareTimes, type Nanos } from "../exact/time.ts";
import {
  balanceAfter,
  balanceBefore,
  CLUSTER_START,
  type Entry,
  type EntryPlace,
  entryId,
  IN_CLUSTER,
  IN_LARGE_CLUSTER,
  type Same,
} from "./entry.ts";
import {
  CLUSTER_MAX,
  clustersOf,
  compareReports,
  counterTimes,
  firstCandidates,
  orderCluster,
} from "./ordering.ts";

/**
 * The loaded part of an account's history: adjacent entries in their order. A change reads only the
 * entries around its place. If they are not loaded, it returns the side on which more are needed;
 * the caller loads them and tries again.
 */
export type History = {
  readonly account: string;
  readonly same: Same;
  readonly entries: Entry[];
  readonly byId: Map<string, Entry>;
  /**
   * Whether the account's history begins with the first loaded entry and ends with the last one.
   */
  isStart: boolean;
  isEnd: boolean;
};

/** An entry's place in the order. */
export type Placed = Pick<EntryPlace, "placedAt" | "rank" | "mark">;

export type OutOfReach = Readonly<{ outcome: "out_of_reach"; side: "left" | "right" }>;
export const LEFT: OutOfReach = { outcome: "out_of_reach", side: "left" };
export const RIGHT: OutOfReach = { outcome: "out_of_reach", side: "right" };

/** A change of one entry: the entry before and after it, both at one effective time. */
export type Change = Readonly<{
  before: Entry | null;
  after: Entry | null;
  /** The time around which it is placed; a snapshot's place may be later than its arrival. */
  at: Nanos;
  /** Whether an undated run may lie within reach. */
  nearUndated: boolean;
  /** Whether a run of a whole second and with a greater counter may lie in the second before it. */
  nearWhole: boolean;
  position: number;
}>;

/** A range of loaded entries by their indexes; `to` is exclusive. */
export type Region = Readonly<{ from: number; to: number }>;

/** The order of a history: by time, then rank, then mark. */
export const comparePlaces = (a: Placed, b: Placed): number =>
  compareTimes(a.placedAt, b.placedAt) || a.rank - b.rank || compareText(a.mark, b.mark);

/** The index of the first entry of the cluster to which the entry at `at` belongs. */
export function clusterStart(entries: readonly Entry[], at: number): number {
  let start = at;
  while (start > 0 && entries[start]?.joined === IN_CLUSTER) start -= 1;
  return start;
}

/** The first index from `at` on whose entry does not continue a cluster. */
export function clusterEnd(entries: readonly Entry[], at: number): number {
  let end = at;
  while (entries[end]?.joined === IN_CLUSTER) end += 1;
  return end;
}

const UNPLACED = { joined: CLUSTER_START, placedAt: 0n } as const;

/**
 * Orders the entries of a region and gives each its place; their balances are still the old ones.
 *
 * @param keepsPlaces whether the counter moves no run of a large cluster
 */
export function orderRegion(
  history: History,
  { from, to }: Region,
  { before, after, keepsPlaces }: Pick<Change, "before" | "after"> & { keepsPlaces: boolean },
): Entry[] {
  const inside = history.entries.slice(from, to).filter((entry) => entry !== before);
  const { joined, placedAt } = keepsPlaces && before !== null ? before : UNPLACED;
  if (after !== null) inside.push({ ...after, joined, placedAt });
  return orderBetween(history, inside, { left: history.entries[from - 1], to, keepsPlaces });
}

/** `left` is the entry before them; the entries after them begin at `to`. */
type Between = Readonly<{ left: Entry | undefined; to: number; keepsPlaces: boolean }>;

function orderBetween(
  { entries, same }: History,
  inside: readonly Entry[],
  { left, to, keepsPlaces }: Between,
): Entry[] {
  const runs = inside.filter(({ kind }) => kind === "run").sort(compareReports);
  const ordered: Entry[] = [];
  let running = left?.runningOfRuns ?? null;
  const clusters = clustersOf(runs);
  const behind = firstCandidatesAt(entries, to);
  clusters.forEach((cluster, at) => {
    const next = clusters[at + 1];
    const nextFirsts = next === undefined ? behind : firstCandidates(next);
    const before = at === 0 && isBeforeAllRuns(left) ? ZERO : running;
    const placed = isLarge(cluster)
      ? placeInLarge(cluster, keepsPlaces)
      : placeCluster(orderCluster(cluster, { before, nextFirsts, same }));
    for (const entry of placed) running = balanceAfter(running, entry);
    ordered.push(...placed);
  });
  if (ordered.some(({ joined }) => joined === IN_LARGE_CLUSTER)) ordered.sort(comparePlaces);
  const snapshots = inside.filter(({ kind }) => kind === "snapshot");
  return snapshots.length === 0 ? ordered : withSnapshots(ordered, snapshots, left);
}

/**
 * Whether no run comes before the next one. Most accounts begin at zero: an order in which this one does
 * not assumes something that nobody reported, like any other that does not connect.
 */
const isBeforeAllRuns = (left: Entry | undefined): boolean =>
  left === undefined || (left.kind === "snapshot" && left.placedAt === 0n);

/** The runs that may come first in the cluster that begins there. */
function firstCandidatesAt(entries: readonly Entry[], at: number): readonly Entry[] {
  const cluster = entries.slice(at, clusterEnd(entries, at + 1));
  return firstCandidates(cluster.filter(({ kind }) => kind === "run").sort(compareReports));
}

const isLarge = (cluster: readonly Entry[]): boolean =>
  cluster.length > CLUSTER_MAX || cluster.some(({ joined }) => joined === IN_LARGE_CLUSTER);

/**
 * `placedAt` never decreases along the order, so that one index finds an entry by time and by
 * place.
 */
function placeCluster(order: readonly Entry[]): Entry[] {
  let placedAt = 0n;
  return order.map((entry, rank) => {
    if (entry.effectiveAt > placedAt) placedAt = entry.effectiveAt;
    return { ...entry, placedAt, rank, mark: "", joined: rank === 0 ? CLUSTER_START : IN_CLUSTER };
  });
}

const NO_TIMES: ReadonlyMap<Entry, Nanos> = new Map();

/**
 * In a large cluster each report has a place of its own, by the provider's counter as far as times
 * allow, so that a further report moves only those that it overtakes.
 */
function placeInLarge(cluster: readonly Entry[], keepsPlaces: boolean): Entry[] {
  const times = keepsPlaces ? NO_TIMES : counterTimes(cluster);
  const placed = cluster.map((entry): Entry => {
    const time = times.get(entry) ?? entry.effectiveAt;
    const known = entry.joined === IN_LARGE_CLUSTER && entry.placedAt > time;
    const placedAt = known ? entry.placedAt : time;
    return { ...entry, placedAt, rank: 0, mark: entry.counter, joined: IN_LARGE_CLUSTER };
  });
  return placed.sort(comparePlaces);
}

/**
 * Places each snapshot after the last run that is certainly included in it, or that took effect no
 * later than it arrived.
 *
 * @param beforeAll the run before the region
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

/** The order in which entries arrived; of one time, that of their keys. */
export const compareArrivals = (a: Entry, b: Entry): number =>
  compareTimes(a.arrivedAt, b.arrivedAt) || compareText(a.key, b.key);

/** @param anchor the run before it; undefined if the snapshot comes before all runs */
export function placeBehind(anchor: Placed | undefined, snapshot: Entry): Entry {
  const { placedAt = 0n, rank = 0, mark = "" } = anchor ?? {};
  const joined = anchor === undefined ? CLUSTER_START : IN_CLUSTER;
  return { ...snapshot, placedAt, rank, mark: mark + markBehind(snapshot), joined };
}

const markBehind = ({ arrivedAt, key }: Entry): string =>
  `~${String(arrivedAt).padStart(20, "0")}${key}`;

/** The place of the run before a snapshot. */
export function anchorOf(snapshot: Entry): Placed {
  const { placedAt, rank, mark } = snapshot;
  return { placedAt, rank, mark: mark.slice(0, mark.length - markBehind(snapshot).length) };
}

export type Computed = Readonly<{
  entries: readonly Entry[];
  /** The end of the entries of the history that they replace; exclusive. */
  to: number;
}>;

/**
 * Computes balances and gaps along the new order, and after it for as long as they change. A later
 * cluster whose opening balance changes is reordered once.
 */
export function computeBalances(
  history: History,
  { from, to }: Region,
  order: readonly Entry[],
): Computed | OutOfReach {
  const { entries, same, isEnd } = history;
  const computed: Entry[] = [];
  let before = entries[from - 1];
  const append = (entry: Entry) => {
    before = withBalances(entry, before ?? null, same);
    computed.push(before);
  };
  order.forEach(append);
  let at = to;
  while (at < entries.length) {
    const known = entries[at] as Entry;
    const end = known.joined === CLUSTER_START ? clusterEnd(entries, at + 1) : at + 1;
    const was = entries[at - 1];
    const isMoved =
      !isSameMoney(before?.runningOfRuns, was?.runningOfRuns) ||
      isBeforeAllRuns(before) !== isBeforeAllRuns(was);
    if (isMoved && end > at + 1) {
      if (!isClusterWhole(history, end)) return RIGHT;
      const between = { left: before, to: end, keepsPlaces: false };
      orderBetween(history, entries.slice(at, end), between).forEach(append);
      at = end;
      continue;
    }
    if (isSameBalance(known, withBalances(known, before ?? null, same))) break;
    append(known);
    at += 1;
  }
  return at === entries.length && !isEnd ? RIGHT : { entries: computed, to: at };
}

/** Whether the cluster that begins there is loaded to its end. */
export const isClusterWhole = ({ entries, isEnd }: History, at: number): boolean =>
  isEnd || clusterEnd(entries, at + 1) < entries.length;

/**
 * The entry with what follows from the one before it: its balance, and the amount that is missing between
 * them.
 */
export function withBalances(entry: Entry, before: Entry | null, same: Same): Entry {
  const from = balanceBefore(entry);
  const isRun = entry.kind === "run";
  const previous = before?.running ?? null;
  const missing =
    previous === null || from === null || same(previous, from) ? null : subtract(from, previous);
  const runs = before?.runningOfRuns ?? null;
  return {
    ...entry,
    missing,
    missingAfter: missing === null || before === null ? null : entryId(before),
    opening: before === null && isRun && from !== null && !from.isZero() ? from : null,
    running: balanceAfter(previous, entry),
    runningOfRuns: isRun ? balanceAfter(runs, entry) : runs,
  };
}

/** Whether two versions of an entry have the same balances, and miss the same amount. */
export const isSameBalance = (a: Entry, b: Entry): boolean =>
  a.missingAfter === b.missingAfter &&
  isSameMoney(a.running, b.running) &&
  isSameMoney(a.runningOfRuns, b.runningOfRuns) &&
  isSameMoney(a.missing, b.missing) &&
  isSameMoney(a.opening, b.opening);

/** Whether two versions of an entry have the same place. */
export const isSamePlace = (a: Entry, b: Entry): boolean =>
  comparePlaces(a, b) === 0 && a.joined === b.joined;
