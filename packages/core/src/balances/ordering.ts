import type { Money } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { compareTimes, MILLISECOND, type Nanos, SECOND } from "../exact/time.ts";
import { balanceAfter, balanceBefore, type Entry, type Same } from "./entry.ts";
import { fewestBreaks, trailThrough } from "./trail.ts";

/**
 * The order of the runs on one account. Two clocks give it: the printed time and the provider's run
 * counter. Where they agree the order is certain; where they do not, the balances decide.
 */

/** The error of printed times is below this: reports further apart are ordered by time alone. */
export const TIME_ERROR: Nanos = 20n * MILLISECOND;

/**
 * Whether a time may be printed in seconds, as the provider prints some, without what is below: then
 * the report took effect at any moment of that second.
 */
export const isWhole = ({ effectiveAt }: Pick<Timed, "effectiveAt">): boolean =>
  effectiveAt % SECOND === 0n;

/** The error of a time in whole seconds, the greatest of all. */
export const ERROR_MAX: Nanos = TIME_ERROR + SECOND;

/** A report further behind this one than that certainly took effect after it. */
export const errorOf = (report: Pick<Timed, "effectiveAt">): Nanos =>
  isWhole(report) ? ERROR_MAX : TIME_ERROR;

/** Maximum distance, in places, of two reports whose order may be ambiguous. */
export const PLACES_MAX = 256;

/** A cluster of more reports is not ordered as a whole: it would cost too much. */
export const CLUSTER_MAX = 256;

/** The order of reports where nothing is ambiguous: by time, then by the provider's counter. */
export const compareReports = (a: Timed, b: Timed): number =>
  compareTimes(a.effectiveAt, b.effectiveAt) || compareText(a.counter, b.counter);

type Timed = Pick<Entry, "effectiveAt" | "isUndated" | "counter" | "key" | "follows">;

/** Whether a report connects two balances; others are placed by their time. */
export const isEdge = ({ balance, change }: Entry): boolean => balance !== null && change !== null;

/**
 * Whether `a` certainly comes before `b`: both clocks say so, or their times are further apart than
 * their errors, or the socket that reported both says so. An arrival is not the provider's
 * clock, so for an undated run the counter may be right at any distance.
 *
 * @param a comes before `b` by time
 */
export function isCertain(a: Timed, b: Timed): boolean {
  if (b.follows === a.key) return true;
  if (a.effectiveAt === b.effectiveAt) return false;
  if (a.counter < b.counter) return true;
  return isFarBefore(a, b);
}

/**
 * Splits reports into clusters, so that each report of a cluster certainly comes before each report
 * of the next one.
 *
 * @param sorted by `compareReports`
 */
export function clustersOf(sorted: readonly Entry[]): Entry[][] {
  const links = firstAmbiguous(sorted);
  const clusters: Entry[][] = [];
  let reach = sorted.length;
  for (let at = sorted.length - 1, end = sorted.length; at >= 0; at -= 1) {
    reach = Math.min(reach, links[at] as number);
    if (reach < at) continue;
    clusters.push(sorted.slice(at, end));
    end = at;
  }
  return clusters.reverse();
}

/**
 * For each report, the index of the first one before it whose order with it is ambiguous, or its
 * own. Reports of one instant count as ambiguous even if they are no edges, so that they keep their
 * place among the others.
 */
function firstAmbiguous(sorted: readonly Entry[]): number[] {
  const someUndated = sorted.some(({ isUndated }) => isUndated);
  const errorMax = sorted.some(isWhole) ? ERROR_MAX : TIME_ERROR;
  let nearest = 0;
  return sorted.map((report, at) => {
    const isBeyond = (other: Entry) => report.effectiveAt - other.effectiveAt > errorMax;
    while (at - nearest > PLACES_MAX || (!someUndated && isBeyond(sorted[nearest] as Entry))) {
      nearest += 1;
    }
    for (let other = nearest; other < at; other += 1) {
      if (isAmbiguous(sorted[other] as Entry, report)) return other;
    }
    return at;
  });
}

/**
 * Whether the order of two may differ from that of their times.
 *
 * @param a comes before `b` by time
 */
function isAmbiguous(a: Entry, b: Entry): boolean {
  return a.effectiveAt === b.effectiveAt || (isEdge(a) && isEdge(b) && !isCertain(a, b));
}

/** Whether two reports belong to one cluster, provided that no undated report is near. */
export function areLinked(a: Entry, b: Entry): boolean {
  const [first, second] = compareReports(a, b) < 0 ? [a, b] : [b, a];
  return !isFarBefore(first, second) && isAmbiguous(first, second);
}

/** What is known of the balances around a cluster. */
type Surroundings = Readonly<{
  /** The balance before it; null if it is unknown. */
  before: Money | null;
  /** The reports that may come first in the next cluster; empty if there is none. */
  nextFirsts: readonly Entry[];
  same: Same;
}>;

/**
 * Orders one cluster: as sorted if that connects; otherwise the candidate with the fewest assumed
 * errors, among the sorted order, the order of the provider's counter, and trails through the
 * balances. An order that inverts a certain pair is rejected, since it could hide a loss that both
 * clocks prove. With a time in whole seconds the counter's order comes first: that time sorts a report
 * before all others of its second.
 */
export function orderCluster(cluster: readonly Entry[], around: Surroundings): readonly Entry[] {
  const edges = cluster.filter(isEdge);
  if (edges.length < 2) return cluster;
  const hasWhole = edges.some(isWhole);
  const clocked = hasWhole ? byCounter(edges) : edges;
  let best = clocked;
  let least = breaksIn(clocked, around);
  // In a burst with losses the sorted order usually has the fewest possible breaks.
  const possible = least === 0 ? 0 : fewestPossible(edges, around);
  if (least <= possible) return withOthers(best, cluster);
  const otherClock = hasWhole ? edges : byCounter(edges);
  for (const order of ordersOf(edges, otherClock, around)) {
    const assumed = breaksIn(order, around) + errorsOfCounter(order, clocked, around);
    if (assumed >= least || invertsCertain(order, edges)) continue;
    [best, least] = [order, assumed];
    if (least <= possible) break;
  }
  return withOthers(best, cluster);
}

function fewestPossible(edges: readonly Entry[], { before, nextFirsts, same }: Surroundings) {
  return fewestBreaks(edges, before, nextFirsts.map(balanceBefore), same);
}

/**
 * Counts errors of the counter that an order assumes. A break assumes a loss. If an order ends at
 * another balance than the clocks' one and no later report confirms it, it must not hide a loss
 * behind counter errors that nothing else shows: each report after one of the same instant with a
 * higher counter weighs as much as a break. All of a second are of one instant if one of them has its
 * time in whole seconds.
 *
 * @param clocked the order that the clocks give
 */
function errorsOfCounter(
  order: readonly Entry[],
  clocked: readonly Entry[],
  { nextFirsts, same }: Surroundings,
): number {
  const [shown, expected] = [order.at(-1)?.balance, clocked.at(-1)?.balance];
  if (nextFirsts.length > 0 || !shown || !expected || same(shown, expected)) return 0;
  const whole = new Set(order.filter(isWhole).map(({ effectiveAt }) => effectiveAt));
  const lastAt = new Map<Nanos, string>();
  let errors = 0;
  for (const { effectiveAt, counter } of order) {
    const second = effectiveAt - (effectiveAt % SECOND);
    const instant = whole.has(second) ? second : effectiveAt;
    if (counter < (lastAt.get(instant) ?? "")) errors += 1;
    lastAt.set(instant, counter);
  }
  return errors;
}

/** Maximum number of possible next reports that are tried as the end of a trail. */
const ENDS_MAX = 4;

function* ordersOf(
  edges: readonly Entry[],
  otherClock: readonly Entry[],
  around: Surroundings,
): Generator<readonly Entry[]> {
  yield otherClock;
  const { before: start, nextFirsts, same } = around;
  const ends = nextFirsts.length === 0 ? [null] : nextFirsts.slice(0, ENDS_MAX).map(balanceBefore);
  // From the same balance, the first report listed is taken: by time in one try, by counter in the
  // other.
  const counted = [...edges].sort((a, b) => compareText(a.counter, b.counter));
  for (const end of ends) {
    yield trailThrough(edges, { start, end, same });
    yield trailThrough(counted, { start, end, same });
  }
}

/**
 * Number of places where a report does not begin from the balance before it, including the
 * cluster's start and end.
 */
function breaksIn(order: readonly Entry[], { before, nextFirsts, same }: Surroundings): number {
  let breaks = 0;
  let running = before;
  const connects = (entry: Entry) => {
    const from = balanceBefore(entry);
    return running === null || from === null || same(running, from);
  };
  for (const entry of order) {
    if (!connects(entry)) breaks += 1;
    running = balanceAfter(running, entry);
  }
  return nextFirsts.length === 0 || nextFirsts.some(connects) ? breaks : breaks + 1;
}

/** The reports of a cluster that no other one of it certainly precedes. */
export function firstCandidates(sorted: readonly Entry[]): readonly Entry[] {
  const keys = new Set<string>();
  /** The one that others are surely after first. */
  let firstDated: Entry | null = null;
  const endOf = (report: Entry) => report.effectiveAt + errorOf(report);
  // The lowest counter of the reports before the current instant, and up to and including it.
  let [least, leastNow, now]: [string | null, string | null, Nanos | null] = [null, null, null];
  return sorted.filter((report) => {
    const { effectiveAt, counter, follows, isUndated, key } = report;
    if (effectiveAt !== now) [least, now] = [leastNow, effectiveAt];
    if (leastNow === null || counter < leastNow) leastNow = counter;
    const isBehind =
      (least !== null && least < counter) ||
      (follows !== null && keys.has(follows)) ||
      (firstDated !== null && isFarBefore(firstDated, report));
    keys.add(key);
    const isFirst = firstDated === null || endOf(report) < endOf(firstDated);
    if (!isUndated && isFirst) firstDated = report;
    return !isBehind;
  });
}

/** @param sorted the same reports by time */
function invertsCertain(order: readonly Entry[], sorted: readonly Entry[]): boolean {
  const place = new Map(order.map((entry, at) => [entry, at]));
  const someUndated = sorted.some(({ isUndated }) => isUndated);
  let latest: Entry | null = null;
  for (const entry of order) {
    if (latest !== null && isFarBefore(entry, latest)) return true;
    if (latest === null || entry.effectiveAt > latest.effectiveAt) latest = entry;
  }
  return sorted.some((a, at) => {
    for (let other = at + 1; other < sorted.length && other - at <= PLACES_MAX; other += 1) {
      const b = sorted[other] as Entry;
      if (!someUndated && isFarBefore(a, b)) return false;
      if ((place.get(b) ?? 0) < (place.get(a) ?? 0) && isCertain(a, b)) return true;
    }
    return false;
  });
}

/** Whether `a` certainly comes before `b` by their times alone. */
const isFarBefore = (a: Timed, b: Timed): boolean =>
  !a.isUndated && !b.isUndated && b.effectiveAt - a.effectiveAt > errorOf(a);

/** Inserts each report that is no edge before the first one that its time precedes. */
function withOthers(order: readonly Entry[], cluster: readonly Entry[]): readonly Entry[] {
  const others = cluster.filter((entry) => !isEdge(entry));
  if (others.length === 0) return order;
  const whole = [...order];
  for (const other of others) {
    const at = whole.findIndex((entry) => compareReports(entry, other) > 0);
    whole.splice(at < 0 ? whole.length : at, 0, other);
  }
  return whole;
}

/**
 * Sorts by the provider's counter as far as times allow: a report moves after those that are later
 * by time and earlier by counter.
 */
function byCounter(edges: readonly Entry[]): readonly Entry[] {
  const times = counterTimes(edges);
  const timeOf = (report: Entry) => times.get(report) ?? report.effectiveAt;
  return [...edges].sort(
    (a, b) => compareTimes(timeOf(a), timeOf(b)) || compareText(a.counter, b.counter),
  );
}

/** The time of each report after the counter has moved it later; see `byCounter`. */
export function counterTimes(sorted: readonly Entry[]): ReadonlyMap<Entry, Nanos> {
  const times = new Map<Entry, Nanos>();
  const someUndated = sorted.some(({ isUndated }) => isUndated);
  sorted.forEach((report, at) => {
    let time = report.effectiveAt;
    if (isEdge(report)) {
      const end = Math.min(sorted.length, at + PLACES_MAX + 1);
      const error = errorOf(report);
      for (let other = at + 1; other < end; other += 1) {
        const after = sorted[other] as Entry;
        if (!someUndated && after.effectiveAt - report.effectiveAt > error) break;
        if (isEdge(after) && after.counter < report.counter && !isCertain(report, after)) {
          time = after.effectiveAt;
        }
      }
    }
    times.set(report, time);
  });
  return times;
}
