import { formatMoney, type Money } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { compareTimes, MILLISECOND, type Nanos } from "../exact/time.ts";
import { balanceAfter, balanceBefore, type Entry, type Same } from "./entry.ts";

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
  return sorted.map((report, at) => {
    let first = at;
    for (let other = at - 1; other >= 0 && at - other <= PLACES_MAX; other -= 1) {
      const before = sorted[other] as Entry;
      if (!someUndated && report.effectiveAt - before.effectiveAt > TIME_ERROR) break;
      const isOne = before.effectiveAt === report.effectiveAt;
      if (isOne || (isEdge(before) && isEdge(report) && !isCertain(before, report))) first = other;
    }
    return first;
  });
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
 * The order of one cluster: as sorted where that connects; else the one with the fewest breaks of
 * a few: as sorted, by the provider's counter, along trails through the balances. An order that
 * inverts what is certain is out, since it could hide a loss that both clocks prove.
 */
export function orderCluster(cluster: readonly Entry[], around: Surroundings): readonly Entry[] {
  const edges = cluster.filter(isEdge);
  if (edges.length < 2) return cluster;
  let best: readonly Entry[] = edges;
  let fewest = breaksIn(edges, around);
  if (fewest === 0) return cluster;
  for (const order of ordersOf(edges, around)) {
    const breaks = breaksIn(order, around);
    if (breaks >= fewest || invertsCertain(order, edges)) continue;
    [best, fewest] = [order, breaks];
    if (fewest === 0) break;
  }
  return withOthers(best, cluster);
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
  return sorted.filter((report, at) => {
    const earlier = sorted.slice(Math.max(0, at - PLACES_MAX), at);
    return !earlier.some((other) => isCertain(other, report));
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

/** Where a trail may begin and end: the balance before all reports, and the one after them. */
export type Ends = Readonly<{ start: Money | null; end: Money | null; same: Same }>;

/** A report as an edge from the balance before it to the balance after it. */
type Edge = Readonly<{ report: Entry; from: string; to: string }>;

/** `report` null: a jump from where one trail ends to where the next one begins. */
type Step = Readonly<{ report: Entry | null; to: string }>;

/**
 * An order in which reports connect as far as they can: an Eulerian trail through the balances
 * (Hierholzer's algorithm, earlier reports first), several where one does not reach all. Linear in
 * the number of reports.
 *
 * @param edges sorted by time, each with a balance and a change
 */
export function trailThrough(edges: readonly Entry[], ends: Ends): readonly Entry[] {
  const graph = graphOf(edges, ends);
  const trails = componentsOf(graph.edges).flatMap((component) => trailsOf(component, graph));
  const order = new Map(edges.map((report, at) => [report, at]));
  const firstOf = ([first]: readonly Edge[]) => order.get((first as Edge).report) ?? 0;
  trails.sort((a, b) => firstOf(a) - firstOf(b));
  const first = trails.findIndex(([edge]) => edge?.from === graph.start);
  if (first > 0) trails.unshift(...trails.splice(first, 1));
  const last = trails.findLastIndex(
    (trail, at) => trail.at(-1)?.to === graph.end && (at > 0 || trail[0]?.from !== graph.start),
  );
  if (last >= 0) trails.push(...trails.splice(last, 1));
  return trails.flat().map(({ report }) => report);
}

type Graph = Readonly<{ edges: readonly Edge[]; start: string | null; end: string | null }>;

function graphOf(reports: readonly Entry[], { start, end, same }: Ends): Graph {
  const amounts = reports.flatMap((report) => [balanceBefore(report), report.balance]);
  const name = namesOf([start, end, ...amounts], same);
  return {
    edges: reports.map((report) => ({
      report,
      from: name(balanceBefore(report)),
      to: name(report.balance),
    })),
    start: start && name(start),
    end: end && name(end),
  };
}

/** One name for amounts that are the same, where a provider rounds. */
function namesOf(amounts: readonly (Money | null)[], same: Same): (amount: Money | null) => string {
  const known = amounts.filter((amount) => amount !== null).sort((a, b) => a.comparedTo(b));
  const names = new Map<string, string>();
  let [name, before]: [string, Money | null] = ["", null];
  for (const amount of known) {
    const text = formatMoney(amount);
    if (before === null || !same(before, amount)) name = text;
    names.set(text, name);
    before = amount;
  }
  return (amount) => (amount === null ? "" : (names.get(formatMoney(amount)) ?? ""));
}

/** Edges that hang together, in their order. */
function componentsOf(edges: readonly Edge[]): readonly Edge[][] {
  const parents = new Map<string, string>();
  const rootOf = (node: string): string => {
    let root = node;
    for (let up = parents.get(root); up !== undefined; up = parents.get(root)) root = up;
    for (let at = node; at !== root; ) {
      const up = parents.get(at) ?? root;
      parents.set(at, root);
      at = up;
    }
    return root;
  };
  for (const { from, to } of edges) {
    const [left, right] = [rootOf(from), rootOf(to)];
    if (left !== right) parents.set(left, right);
  }
  return [...Map.groupBy(edges, ({ from }) => rootOf(from)).values()];
}

/** The trails of one component; more than one where it has more loose ends than two. */
function trailsOf(edges: readonly Edge[], { start, end }: Graph): Edge[][] {
  const { sources, sinks } = looseEnds(edges);
  const nodes = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const begin =
    start !== null && nodes.has(start) && (sources.length === 0 || sources.includes(start))
      ? start
      : (sources[0] ?? (end !== null && nodes.has(end) ? end : (edges[0] as Edge).from));
  moveTo(sources, begin, "first");
  if (end !== null) moveTo(sinks, end, "last");
  const steps = new Map<string, Step[]>();
  const add = (from: string, step: Step) => {
    const known = steps.get(from);
    if (known) known.push(step);
    else steps.set(from, [step]);
  };
  for (const edge of edges) add(edge.from, edge);
  for (const [at, source] of sources.slice(1).entries()) {
    add(sinks[at] ?? "", { report: null, to: source });
  }
  return cutAtJumps(eulerian(begin, steps));
}

/** Balances that more reports begin from than lead to, and the reverse; each as often as that. */
function looseEnds(edges: readonly Edge[]): Readonly<{ sources: string[]; sinks: string[] }> {
  const degrees = new Map<string, number>();
  const count = (node: string, by: number) => degrees.set(node, (degrees.get(node) ?? 0) + by);
  for (const { from, to } of edges) {
    count(from, 1);
    count(to, -1);
  }
  const firstFrom = new Map<string, number>();
  const lastTo = new Map<string, number>();
  edges.forEach(({ from, to }, at) => {
    if (!firstFrom.has(from)) firstFrom.set(from, at);
    lastTo.set(to, at);
  });
  const sources: string[] = [];
  const sinks: string[] = [];
  for (const [node, degree] of degrees) {
    for (let n = 0; n < degree; n += 1) sources.push(node);
    for (let n = 0; n < -degree; n += 1) sinks.push(node);
  }
  sources.sort((a, b) => (firstFrom.get(a) ?? 0) - (firstFrom.get(b) ?? 0));
  sinks.sort((a, b) => (lastTo.get(a) ?? 0) - (lastTo.get(b) ?? 0));
  return { sources, sinks };
}

function moveTo(nodes: string[], node: string, end: "first" | "last"): void {
  const at = nodes.indexOf(node);
  if (at < 0) return;
  nodes.splice(at, 1);
  if (end === "first") nodes.unshift(node);
  else nodes.push(node);
}

/** Hierholzer: walks on while it can, and closes loops on the way back. */
function eulerian(begin: string, steps: ReadonlyMap<string, readonly Step[]>): Step[] {
  const taken = new Map<string, number>();
  const stack: Readonly<{ node: string; step: Step | null }>[] = [{ node: begin, step: null }];
  const path: Step[] = [];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = taken.get(top.node) ?? 0;
    const step = steps.get(top.node)?.[next];
    if (step !== undefined) {
      taken.set(top.node, next + 1);
      stack.push({ node: step.to, step });
    } else {
      stack.pop();
      if (top.step !== null) path.push(top.step);
    }
  }
  return path.reverse();
}

function cutAtJumps(path: readonly Step[]): Edge[][] {
  const trails: Edge[][] = [];
  let trail: Edge[] = [];
  for (const step of path) {
    if (step.report !== null) trail.push(step as Edge);
    else if (trail.length > 0) {
      trails.push(trail);
      trail = [];
    }
  }
  if (trail.length > 0) trails.push(trail);
  return trails;
}
