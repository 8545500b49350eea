import { type Amount, NS_PER_MS, NS_PER_S } from "../exact.ts";
import type { HistoryMessage } from "../history/history.ts";
import type { Arrivals, ArrivedReport, ArrivedSnapshot } from "./arrivals.ts";
import type { HardAccount } from "./hard-world.ts";

/**
 * What a perfect reader could know of an account. The order of two reports is certain if
 * - their times are more than 20 ms apart, and the earlier one is not a whole second that the other is in, or
 * - time and run id agree, or
 * - one was moved after the other because a socket delivered it later;
 * an arrival time alone proves no order. Reports that arrived before a snapshot's
 * connection was opened are certainly in that snapshot; reports dated more than 5 s after its arrival
 * certainly are not.
 *
 * A possible order contains all reports, respects what is certain and connects without a break, and
 * every snapshot's balance occurs between the reports that are certainly in it and those that are not.
 * A snapshot that does not list the account states zero. Nothing else shows what was emptied meanwhile, so
 * reports dated more than 5 s before its connection was opened are in it too.
 * The true order is possible if nothing was lost and no clock error exceeds its limit.
 */
export type Knowledge = Readonly<{
  /** Whether all orders were tried. */
  isDecided: boolean;
  /** The final balances of possible orders: none means that something was certainly lost. */
  ends: ReadonlySet<Amount>;
}>;

const AMBIGUOUS_NS = 20n * NS_PER_MS;
const SNAPSHOT_SKEW_NS = 5n * NS_PER_S;
const STATES_MAX = 5_000;

export function knownOf(arrivals: Arrivals): Knowledge {
  const { reports } = arrivals;
  const before = certainlyBefore(reports);
  const snapshots = arrivals.snapshots.flatMap((snapshot) => judge(snapshot, reports, before));
  const search = { reports, before, snapshots, ends: new Set<Amount>(), seen: new Set<string>() };
  const openings = new Set<Amount | null>(reports.map((report) => report.before));
  for (const { balance } of snapshots) openings.add(balance);
  for (const opening of openings) extend(search, { ordered: 0n, balance: opening, met: 0n });
  return { isDecided: search.seen.size <= STATES_MAX, ends: search.ends };
}

/**
 * Whether everything that a reader regards as certain is true. A report without movements
 * connects with anything, so its printed time and run id alone must give its place in the order. No time
 * may be so far ahead that a snapshot that includes the run would seem to precede it, and none so far
 * behind that one that leaves the account out would seem to include it.
 */
export function isExact(arrivals: Arrivals, { reports: truth }: HardAccount): boolean {
  const trueIndexes = new Map<HistoryMessage, number>(
    truth.map(({ message }, at) => [message, at]),
  );
  const trueIndexOf = ({ message }: ArrivedReport) => trueIndexes.get(message) ?? 0;
  const isLeftOut = arrivals.snapshots.some(({ balance }) => balance === null);
  const errs = (report: ArrivedReport) => {
    const aheadNs = report.atNs - (truth[trueIndexOf(report)]?.atNs ?? 0n);
    const isBehind = report.atNs === report.ownNs && -aheadNs > AMBIGUOUS_NS + spreadOf(report);
    return aheadNs > AMBIGUOUS_NS || (isLeftOut && isBehind);
  };
  if (arrivals.reports.some((report) => !report.isUndated && errs(report))) return false;
  return arrivals.reports.every((a) =>
    arrivals.reports.every((b) => {
      const isOrdered = a.before === null || b.before === null ? isSortedBefore : isCertain;
      return !isOrdered(a, b) || trueIndexOf(a) < trueIndexOf(b);
    }),
  );
}

/** Whether every run is dated within 20 ms of its true time. */
export function isDatedRight(arrivals: Arrivals, { reports: truth }: HardAccount): boolean {
  const times = new Map<HistoryMessage, bigint>(truth.map(({ message, atNs }) => [message, atNs]));
  return arrivals.reports.every(({ message, atNs }) => {
    const errorNs = atNs - (times.get(message) ?? 0n);
    return errorNs <= AMBIGUOUS_NS && errorNs >= -AMBIGUOUS_NS;
  });
}

const isSortedBefore = (a: ArrivedReport, b: ArrivedReport): boolean =>
  a.atNs === b.atNs ? a.runId < b.runId : a.atNs < b.atNs;

/** Whether it is certain that `a` came before `b`. */
function isCertain(a: ArrivedReport, b: ArrivedReport): boolean {
  if (a.atNs >= b.atNs) return false;
  if (a.runId < b.runId || b.follows === a.message) return true;
  return !a.isUndated && !b.isUndated && b.atNs - a.atNs > AMBIGUOUS_NS + spreadOf(a);
}

/** A time without a fraction may be printed in seconds. */
const spreadOf = ({ atNs }: ArrivedReport): bigint => (atNs % NS_PER_S === 0n ? NS_PER_S : 0n);

/** A set of reports: one bit per report, in the order of the list. */
type Bits = bigint;
const bit = (at: number): Bits => 1n << BigInt(at);
const isIn = (part: Bits, whole: Bits): boolean => (part & whole) === part;
const bitsWhere = (
  reports: readonly ArrivedReport[],
  holds: (report: ArrivedReport, at: number) => boolean,
): Bits => reports.reduce((bits, report, at) => (holds(report, at) ? bits | bit(at) : bits), 0n);

/** For each report the set of reports that certainly precede it. */
const certainlyBefore = (reports: readonly ArrivedReport[]): readonly Bits[] =>
  reports.map((report) => bitsWhere(reports, (other) => isCertain(other, report)));

/** A snapshot as a constraint on the possible orders. */
type Limit = Readonly<{ balance: Amount; sure: Bits; excluded: Bits }>;

/**
 * An account that is not listed had the balance zero. That no longer matters once a report that is
 * certainly later has arrived: it confirms the balance.
 */
function judge(
  { balance, openedIndex, openedNs, arrivedNs }: ArrivedSnapshot,
  reports: readonly ArrivedReport[],
  before: readonly Bits[],
): readonly Limit[] {
  const recorded = bitsWhere(reports, ({ index }) => index < openedIndex);
  const sure = withEarlier(recorded, before);
  // By its own time: a run that a socket moved after a wrongly dated run took effect earlier.
  const isAfter = ({ isUndated, ownNs }: ArrivedReport) =>
    !isUndated && ownNs > arrivedNs + SNAPSHOT_SKEW_NS;
  const excluded = bitsWhere(reports, isAfter);
  if (balance !== null) return [{ balance, sure, excluded: excluded & ~sure }];
  if ((excluded & ~sure) !== 0n) return [];
  const dated = bitsWhere(reports, (report) => isDatedBefore(report, openedNs));
  return [{ balance: 0n, sure: withEarlier(recorded | dated, before), excluded: 0n }];
}

/** A report that certainly precedes a run in the snapshot is in it too, whatever its own time. */
const withEarlier = (included: Bits, before: readonly Bits[]): Bits =>
  before.reduce((bits, ones, at) => (isIn(bit(at), included) ? bits | ones : bits), included);

/** A run that a socket moved took effect at any time after the run before it. */
const isDatedBefore = (report: ArrivedReport, openedNs: bigint): boolean =>
  !report.isUndated &&
  report.atNs === report.ownNs &&
  report.atNs + AMBIGUOUS_NS + spreadOf(report) + SNAPSHOT_SKEW_NS < openedNs;

type Search = Readonly<{
  reports: readonly ArrivedReport[];
  before: readonly Bits[];
  snapshots: readonly Limit[];
  ends: Set<Amount>;
  seen: Set<string>;
}>;

/** The start of an order: the reports in it, the balance after them, the snapshots satisfied so far. */
type Prefix = Readonly<{ ordered: Bits; balance: Amount | null; met: Bits }>;

function extend(search: Search, { ordered, balance, met: metBefore }: Prefix): void {
  const { reports, before, snapshots, ends, seen } = search;
  let met = metBefore;
  for (const [at, limit] of snapshots.entries()) {
    const isBetween = isIn(limit.sure, ordered) && (limit.excluded & ordered) === 0n;
    if (isBetween && limit.balance === balance) met |= bit(at);
  }
  const key = `${ordered}:${balance}:${met}`;
  if (seen.has(key) || seen.size > STATES_MAX) return;
  seen.add(key);
  if (ordered === bit(reports.length) - 1n) {
    if (met === bit(snapshots.length) - 1n && balance !== null) ends.add(balance);
    return;
  }
  for (const [at, report] of reports.entries()) {
    if (isIn(bit(at), ordered) || !isIn(before[at] ?? 0n, ordered)) continue;
    if (report.before !== null && balance !== report.before) continue;
    extend(search, { ordered: ordered | bit(at), balance: report.after, met });
  }
}
