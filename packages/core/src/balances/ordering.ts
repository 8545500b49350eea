import type { Money } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { compareTimes, MILLISECOND, type Nanos } from "../exact/time.ts";
import { balanceAfter, balanceBefore, type Entry, type Same } from "./entry.ts";
import { fewestBreaks, trailThrough } from "./trail.ts";

/**
 * The order of the runs on one account. Two clocks tell it, the printed time and the provider's
 * counter of runs. Where they agree it is certain. Where they do not, the balances decide.
 */

/** Printed times err by less than this: what lies further apart is ordered by them alone. */
export const TIME_ERROR: Nanos = 20n * MILLISECOND;

/** How many places further on a report may still be confused with another. */
export const PLACES_MAX = 256;

/** What more reports than this cannot be ordered as a whole: it would cost too much. */
export const CLUSTER_MAX = 256;

/** As reports stand where nothing is ambiguous: by time, then by the provider's counter. */
export const compareReports = (a: Timed, b: Timed): number =>
  compareTimes(a.effectiveAt, b.effectiveAt) || compareText(a.counter, b.counter);

export type Timed = Pick<Entry, "effectiveAt" | "isUndated" | "counter" | "key" | "follows">;

/** Whether a report connects two balances; others keep the place that their time gives them. */
const isEdge = ({ balance, change }: Entry): boolean => balance !== null && change !== null;

/**
 * Whether it is certain that `a` comes before `b`: both clocks say so; or their times lie further
 * apart than times err; or the socket that stated both said so. An arrival is no clock of the
 * provider's, so however far apart it lies, the counter may be right.
 *
 * @param a stands before `b` by time
 */
export function isCertain(a: Timed, b: Timed): boolean {
  if (b.follows === a.key) return true;
  if (a.effectiveAt === b.effectiveAt) return false;
  if (a.counter < b.counter) return true;
  return isFarBefore(a, b);
}

/**
 * Cuts reports into clusters: what is certain of all that stands left of a cut lies before all that
 * stands right of it.
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
 * For each report the first one before it whose order with it is not certain; else itself. Of one
 * instant also those that are no edges: they keep their place among the others.
 */
function firstAmbiguous(sorted: readonly Entry[]): number[] {
  const someUndated = sorted.some(({ isUndated }) => isUndated);
  let nearest = 0;
  return sorted.map((report, at) => {
    const isBeyond = (other: Entry) => report.effectiveAt - other.effectiveAt > TIME_ERROR;
    while (at - nearest > PLACES_MAX || (!someUndated && isBeyond(sorted[nearest] as Entry))) {
      nearest += 1;
    }
    for (let other = nearest; other < at; other += 1) {
      if (isAmbiguous(sorted[other] as Entry, report)) return other;
    }
    return at;
  });
}

/** Whether the order of two may be another than by time. @param a stands before `b` by time */
function isAmbiguous(a: Entry, b: Entry): boolean {
  return a.effectiveAt === b.effectiveAt || (isEdge(a) && isEdge(b) && !isCertain(a, b));
}

/** Whether they belong to one cluster, if no undated report is near. */
export function areLinked(a: Entry, b: Entry): boolean {
  const [first, second] = compareReports(a, b) < 0 ? [a, b] : [b, a];
  return !isFarBefore(first, second) && isAmbiguous(first, second);
}

/** Where a cluster lies among the others. */
export type Surroundings = Readonly<{
  /** The balance before it; null where nobody knows. */
  before: Money | null;
  /** The reports of the cluster behind it that may come first there; none where nothing follows. */
  nextFirsts: readonly Entry[];
  same: Same;
}>;

/**
 * The order of one cluster: as sorted where that connects; else the one that assumes the least, of
 * a few: as sorted, by the provider's counter, along trails through the balances. An order that
 * inverts what is certain is out, since it could hide a loss that both clocks prove.
 */
export function orderCluster(cluster: readonly Entry[], around: Surroundings): readonly Entry[] {
  const edges = cluster.filter(isEdge);
  if (edges.length < 2) return cluster;
  let best: readonly Entry[] = edges;
  let least = breaksIn(edges, around);
  // In a burst with losses the order as sorted mostly is as good as any: nothing else is tried.
  const possible = least === 0 ? 0 : fewestPossible(edges, around);
  if (least <= possible) return cluster;
  for (const order of ordersOf(edges, around)) {
    const assumed = breaksIn(order, around) + errorsOfCounter(order, edges, around);
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
 * A break assumes a loss. So an order that shows another last balance than the clocks do, and that
 * nothing behind it confirms, may not hide a loss by errors of the counter that nothing else shows:
 * each report behind one of its instant that the counter puts after it weighs as much as a break.
 */
function errorsOfCounter(
  order: readonly Entry[],
  sorted: readonly Entry[],
  { nextFirsts, same }: Surroundings,
): number {
  const [shown, clocked] = [order.at(-1)?.balance, sorted.at(-1)?.balance];
  if (nextFirsts.length > 0 || !shown || !clocked || same(shown, clocked)) return 0;
  const lastAt = new Map<Nanos, string>();
  let errors = 0;
  for (const { effectiveAt, counter } of order) {
    if (counter < (lastAt.get(effectiveAt) ?? "")) errors += 1;
    lastAt.set(effectiveAt, counter);
  }
  return errors;
}

/** Of several reports that may come next, so many are tried as the end of a trail. */
const ENDS_MAX = 4;

function* ordersOf(edges: readonly Entry[], around: Surroundings): Generator<readonly Entry[]> {
  yield byCounter(edges);
  const { before: start, nextFirsts, same } = around;
  const ends = nextFirsts.length === 0 ? [null] : nextFirsts.slice(0, ENDS_MAX).map(balanceBefore);
  // Of equal balances that lead on, the earlier is taken first: by time, then by the counter.
  const counted = [...edges].sort((a, b) => compareText(a.counter, b.counter));
  for (const end of ends) {
    yield trailThrough(edges, { start, end, same });
    yield trailThrough(counted, { start, end, same });
  }
}

/** Places where a report does not begin from what stood before it, the way in and out included. */
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

/** The reports of a cluster that no other one of it surely precedes. */
export function firstCandidates(sorted: readonly Entry[]): readonly Entry[] {
  const keys = new Set<string>();
  let firstDated: Entry | null = null;
  // Of all that are dated before the instant that is looked at; and with it.
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
    if (!isUndated) firstDated ??= report;
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

/** By their times alone. */
const isFarBefore = (a: Timed, b: Timed): boolean =>
  !a.isUndated && !b.isUndated && b.effectiveAt - a.effectiveAt > TIME_ERROR;

/** Reports that are no edges stand before the first one that their time puts them before. */
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
 * By the provider's counter, as far as times allow: a report goes behind those that its time puts
 * after it and the counter before it.
 */
function byCounter(edges: readonly Entry[]): readonly Entry[] {
  const times = counterTimes(edges);
  const timeOf = (report: Entry) => times.get(report) ?? report.effectiveAt;
  return [...edges].sort(
    (a, b) => compareTimes(timeOf(a), timeOf(b)) || compareText(a.counter, b.counter),
  );
}

/** The time that each report has when the counter pushes it back; see `byCounter`. */
export function counterTimes(sorted: readonly Entry[]): ReadonlyMap<Entry, Nanos> {
  const times = new Map<Entry, Nanos>();
  const someUndated = sorted.some(({ isUndated }) => isUndated);
  sorted.forEach((report, at) => {
    let time = report.effectiveAt;
    if (isEdge(report)) {
      const end = Math.min(sorted.length, at + PLACES_MAX + 1);
      for (let other = at + 1; other < end; other += 1) {
        const after = sorted[other] as Entry;
        if (!someUndated && after.effectiveAt - report.effectiveAt > TIME_ERROR) break;
        if (isEdge(after) && after.counter < report.counter && !isCertain(report, after)) {
          time = after.effectiveAt;
        }
      }
    }
    times.set(report, time);
  });
  return times;
}
