import { linesOf, type Precedes, precedence } from "./line-rule.ts";
import {
  balanceBefore,
  compareNumbers,
  compareReports,
  compareTimes,
  GROUP_GAP,
  GROUP_MAX,
  millisecondOf,
  missingBefore,
  type Running,
  runningAfter,
  same,
  type Timed,
} from "./report.ts";

/**
 * Reports within 20 ms of the next form a chain: their printed times cannot be trusted to order
 * them, but their balances can. A chain is cut into groups of at most 8.
 */
function cutChains<T extends Timed>(sorted: readonly T[]): T[][] {
  const chains: T[][] = [];
  let previous: T | null = null;
  for (const report of sorted) {
    const joins = previous !== null && report.effectiveAt - previous.effectiveAt <= GROUP_GAP;
    if (joins) chains.at(-1)?.push(report);
    else chains.push([report]);
    previous = report;
  }
  return chains;
}

function cutGroups<T extends Timed>(chain: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (let at = 0; at < chain.length; at += GROUP_MAX) groups.push(chain.slice(at, at + GROUP_MAX));
  return groups;
}

/** By (time, run id), except that of one millisecond a line's earlier frame comes first. */
function sortReports<T extends Timed>(reports: readonly T[], precedes: Precedes): T[] {
  const sorted = [...reports].sort(compareReports);
  for (let from = 0; from < sorted.length; ) {
    const time = millisecondOf(sorted[from] as T);
    let to = from + 1;
    while (to < sorted.length && millisecondOf(sorted[to] as T) === time) to += 1;
    if (to - from > 1)
      sorted.splice(from, to - from, ...inLineOrder(sorted.slice(from, to), precedes));
    from = to;
  }
  return sorted;
}

function inLineOrder<T extends Timed>(reports: T[], precedes: Precedes): T[] {
  const ordered: T[] = [];
  const left = [...reports];
  while (left.length > 0) {
    const free = left.findIndex((a) => !left.some((b) => b !== a && precedes(b.key, a.key)));
    ordered.push(...left.splice(Math.max(free, 0), 1));
  }
  return ordered;
}

/**
 * The order in which a group stands: of those that respect the lines the one with the fewest breaks
 * (places where the balance before a report is not what stood after the one before it, the way in
 * and the way out included), then the fewest inversions against (run id, time): the provider counts
 * its runs, and its count errs less than its clock.
 *
 * @param running the balance before the group.
 * @param heads the reports that may come first in the next group; they tell whether the way out
 *   breaks.
 */
function orderGroup<T extends Timed>(
  { reports, precedes }: Group<T>,
  running: Running,
  heads: readonly T[],
): readonly T[] {
  if (reports.length < 2) return reports;
  const plain = [...reports].sort(compareNumbers);
  const search: Search<T> = { plain, precedes, heads, best: null };
  extend(search, { order: [], running, breaks: 0, inversions: 0 });
  return search.best?.order ?? reports;
}

type Group<T> = Readonly<{ reports: readonly T[]; precedes: Precedes }>;

/** Reports of a group that no other of it must precede. */
function headsOf<T extends Timed>({ reports, precedes }: Group<T>): readonly T[] {
  if (reports.length < 2) return reports;
  return reports.filter((head) => !reports.some((other) => precedes(other.key, head.key)));
}

type Candidate<T> = Readonly<{
  order: readonly T[];
  running: Running;
  breaks: number;
  inversions: number;
}>;

type Search<T> = {
  /** The group by (run id, time): tried in this order, so that the first of equals wins. */
  readonly plain: readonly T[];
  readonly precedes: Precedes;
  readonly heads: readonly T[];
  best: Candidate<T> | null;
};

function extend<T extends Timed>(search: Search<T>, candidate: Candidate<T>): void {
  if (search.best && !isBetter(candidate, search.best)) return;
  const left = search.plain.filter((report) => !candidate.order.includes(report));
  if (left.length === 0) {
    const last = { ...candidate, breaks: candidate.breaks + breakOut(candidate, search.heads) };
    if (!search.best || isBetter(last, search.best)) search.best = last;
    return;
  }
  left.forEach((report, overtaken) => {
    if (left.some((other) => other !== report && search.precedes(other.key, report.key))) return;
    extend(search, {
      order: [...candidate.order, report],
      running: runningAfter(candidate.running, report),
      breaks: candidate.breaks + (missingBefore(candidate.running, report) === null ? 0 : 1),
      // Every report still left that stands before this one by (run id, time) is overtaken by it.
      inversions: candidate.inversions + overtaken,
    });
  });
}

function isBetter<T>(a: Candidate<T>, b: Candidate<T>): boolean {
  return a.breaks === b.breaks ? a.inversions < b.inversions : a.breaks < b.breaks;
}

function breakOut<T extends Timed>({ running }: Candidate<T>, heads: readonly T[]): number {
  if (running === null || heads.length === 0) return 0;
  const fits = heads.some((head) => {
    const before = balanceBefore(head);
    return before === null || same(running, before, head);
  });
  return fits ? 0 : 1;
}

/** A chain with its reports in the order in which they stand. */
export type OrderedChain<T> = readonly T[];

/**
 * The order of an account's reports, chain by chain. Lines are asked chain by chain too: what lies
 * further apart than 20 ms is ordered by time, and effective times respect the lines already.
 *
 * @param running the balance before the first report.
 */
export function orderChains<T extends Timed>(
  reports: readonly T[],
  running: Running = null,
): OrderedChain<T>[] {
  const chains = cutChains([...reports].sort(compareTimes)).map(groupsOf);
  const groups = chains.flat();
  let balance = running;
  let at = 0;
  return chains.map((chain) =>
    chain.flatMap((group) => {
      at += 1;
      const next = groups[at];
      const ordered = orderGroup(group, balance, next ? headsOf(next) : []);
      for (const report of ordered) balance = runningAfter(balance, report);
      return ordered;
    }),
  );
}

function groupsOf<T extends Timed>(chain: readonly T[]): Group<T>[] {
  if (chain.length === 1) return [{ reports: chain, precedes: () => false }];
  const precedes = precedence(linesOf(chain));
  return cutGroups(sortReports(chain, precedes)).map((reports) => ({ reports, precedes }));
}

export function orderReports<T extends Timed>(reports: readonly T[], running: Running = null): T[] {
  return orderChains(reports, running).flat();
}
