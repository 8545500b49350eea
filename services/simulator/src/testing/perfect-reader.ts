import { type Amount, NS_PER_MS, NS_PER_S } from "../exact.ts";
import type { HistoryMessage } from "../history/history.ts";
import type { Arrivals, ArrivedReport, ArrivedSnapshot } from "./arrivals.ts";
import type { HardAccount } from "./hard-world.ts";

/**
 * What a perfect reader could know of an account. Two reports are certainly ordered where
 * - their times are more than 20 ms apart, or
 * - time and run id agree, or
 * - one was moved behind the other because it came later on a socket;
 * a time taken from the arrival orders nothing by itself. What reached us before a snapshot's
 * connection was opened is surely in that snapshot; what is dated more than 5 s after its arrival
 * surely is not.
 *
 * A possible order is one of all reports that respects what is certain and connects without a break,
 * with every snapshot's balance met somewhere between what surely is in it and what is not. The true
 * order is possible where nothing was lost and no clock errs by more than it may.
 */
export type Knowledge = Readonly<{
  /** Whether all orders could be tried. */
  isDecided: boolean;
  /** The balances that possible orders end with: none means that something surely was lost. */
  ends: ReadonlySet<Amount>;
}>;

const AMBIGUOUS_NS = 20n * NS_PER_MS;
const SNAPSHOT_SKEW_NS = 5n * NS_PER_S;
const STATES_MAX = 5_000;

export function knownOf(arrivals: Arrivals): Knowledge {
  const { reports } = arrivals;
  const before = certainlyBefore(reports);
  const snapshots = arrivals.snapshots.flatMap((snapshot) => judge(snapshot, arrivals, before));
  const search = { reports, before, snapshots, ends: new Set<Amount>(), seen: new Set<string>() };
  const openings = new Set<Amount | null>(reports.map((report) => report.before));
  for (const { balance } of snapshots) openings.add(balance);
  for (const opening of openings) extend(search, { ordered: 0n, balance: opening, met: 0n });
  return { isDecided: search.seen.size <= STATES_MAX, ends: search.ends };
}

/**
 * Whether nothing that a reader takes for certain is wrong. A report that names no movement
 * connects with anything, so that its printed time and run id alone must give its rank in the order; and no time
 * may run ahead so far that a snapshot that has the run would seem to come before it.
 */
export function isExact(arrivals: Arrivals, { reports: truth }: HardAccount): boolean {
  const trueIndexes = new Map<HistoryMessage, number>(
    truth.map(({ message }, at) => [message, at]),
  );
  const trueIndexOf = ({ message }: ArrivedReport) => trueIndexes.get(message) ?? 0;
  const runsAhead = (report: ArrivedReport) =>
    report.atNs > (truth[trueIndexOf(report)]?.atNs ?? 0n) + AMBIGUOUS_NS;
  if (arrivals.reports.some((report) => !report.isUndated && runsAhead(report))) return false;
  return arrivals.reports.every((a) =>
    arrivals.reports.every((b) => {
      const isOrdered = a.before === null || b.before === null ? isSortedBefore : isCertain;
      return !isOrdered(a, b) || trueIndexOf(a) < trueIndexOf(b);
    }),
  );
}

/** Whether every run is dated within 20 ms of when it really was. */
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
  return !a.isUndated && !b.isUndated && b.atNs - a.atNs > AMBIGUOUS_NS;
}

/** Sets of reports are bits, in the order of the list. */
type Bits = bigint;
const bit = (at: number): Bits => 1n << BigInt(at);
const isIn = (part: Bits, whole: Bits): boolean => (part & whole) === part;
const bitsWhere = (
  reports: readonly ArrivedReport[],
  holds: (report: ArrivedReport, at: number) => boolean,
): Bits => reports.reduce((bits, report, at) => (holds(report, at) ? bits | bit(at) : bits), 0n);

/** Of each report, those that certainly came before it. */
const certainlyBefore = (reports: readonly ArrivedReport[]): readonly Bits[] =>
  reports.map((report) => bitsWhere(reports, (other) => isCertain(other, report)));

/** A snapshot as it limits the possible orders. */
type Limit = Readonly<{ balance: Amount; sure: Bits; excluded: Bits }>;

/**
 * An account that is not listed holds nothing; that is known while something of it surely is in the
 * snapshot, and nothing that may have come later has arrived.
 */
function judge(
  { balance, openedIndex, arrivedNs }: ArrivedSnapshot,
  { reports, snapshots }: Arrivals,
  before: readonly Bits[],
): readonly Limit[] {
  const recorded = bitsWhere(reports, ({ index }) => index < openedIndex);
  // What certainly came before a run that is in the snapshot is in it, whatever its own time.
  const sure = before.reduce(
    (bits, ones, at) => (isIn(bit(at), recorded) ? bits | ones : bits),
    recorded,
  );
  // By its own date: one that a socket moved behind a run of a wrong date took effect before that.
  const isAfter = ({ isUndated, ownNs }: ArrivedReport) =>
    !isUndated && ownNs > arrivedNs + SNAPSHOT_SKEW_NS;
  const excluded = bitsWhere(reports, isAfter) & ~sure;
  if (balance !== null) return [{ balance, sure, excluded }];
  const isKnown =
    recorded !== 0n ||
    snapshots.some((other) => other.balance !== null && other.completedIndex < openedIndex);
  const isLast = sure === bit(reports.length) - 1n;
  return isKnown && isLast ? [{ balance: 0n, sure, excluded }] : [];
}

type Search = Readonly<{
  reports: readonly ArrivedReport[];
  before: readonly Bits[];
  snapshots: readonly Limit[];
  ends: Set<Amount>;
  seen: Set<string>;
}>;

/** An order up to some point: the reports ordered, the balance after them, the snapshots met. */
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
