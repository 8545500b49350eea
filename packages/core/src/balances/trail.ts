import { equals, formatMoney, type Money } from "../exact/money.ts";
import { balanceBefore, type Entry, type Same } from "./entry.ts";

/**
 * Treats reports as edges between balances, and finds orders in which they connect as far as
 * possible: the balances decide what the clocks leave open.
 */

/** Where a trail may begin and end: the balance before all reports, and the one after them. */
type Ends = Readonly<{ start: Money | null; end: Money | null; same: Same }>;

type Link = Readonly<{ from: string; to: string }>;

/** A report as an edge from the balance before it to the balance after it. */
type Edge = Link & Readonly<{ report: Entry }>;

/** `report` is null for a jump from the end of one trail to the start of the next. */
type Step = Readonly<{ report: Entry | null; to: string }>;

/**
 * An order in which reports connect as far as possible: an Eulerian trail through the balances
 * (Hierholzer's algorithm, earlier reports first), or several if one cannot contain all. Linear in
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

/**
 * The minimum number of breaks of any order: reports form as many trails as there are loose ends,
 * including the start and the end.
 *
 * @param nexts the balances before the reports that may follow; null connects with any balance
 */
export function fewestBreaks(
  reports: readonly Entry[],
  start: Money | null,
  nexts: readonly (Money | null)[],
  same: Same,
): number {
  const befores = reports.map(balanceBefore);
  const name = namesOf([start, ...nexts, ...befores, ...reports.map((r) => r.balance)], same);
  const links: Link[] = reports.map(({ balance }, at) => ({
    from: name(befores[at] ?? null),
    to: name(balance),
  }));
  if (start !== null) links.push({ from: "", to: name(start) });
  let trails = 0;
  const ends = new Set<string>();
  for (const component of componentsOf(links)) {
    const degrees = [...degreesOf(component)];
    const loose = degrees.reduce((sum, [, degree]) => sum + Math.max(0, degree), 0);
    trails += Math.max(1, loose);
    // A component that is a closed loop can end at any of its balances.
    for (const [node, degree] of degrees) if (degree < 0 || loose === 0) ends.add(node);
  }
  const isOut = nexts.length === 0 || nexts.some((next) => next === null || ends.has(name(next)));
  return isOut ? trails - 1 : trails;
}

/** How many more edges leave each balance than lead to it. */
function degreesOf(edges: readonly Link[]): ReadonlyMap<string, number> {
  const degrees = new Map<string, number>();
  const count = (node: string, by: number) => degrees.set(node, (degrees.get(node) ?? 0) + by);
  for (const { from, to } of edges) {
    count(from, 1);
    count(to, -1);
  }
  return degrees;
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

/** Gives one name to amounts that are the same within a provider's rounding. */
function namesOf(amounts: readonly (Money | null)[], same: Same): (amount: Money | null) => string {
  if (same === equals) return (amount) => (amount === null ? "" : formatMoney(amount));
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

/** The connected components, each with its edges in their order. */
function componentsOf<L extends Link>(edges: readonly L[]): readonly L[][] {
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

/** The trails of one component; more than one if it has more than two loose ends. */
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

/**
 * Balances from which more reports begin than lead to them, and the reverse, each repeated by the
 * difference.
 */
function looseEnds(edges: readonly Edge[]): Readonly<{ sources: string[]; sinks: string[] }> {
  const degrees = degreesOf(edges);
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

/** Hierholzer's algorithm: walks on while it can, and inserts loops on the way back. */
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
