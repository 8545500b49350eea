import type { Nanos } from "../exact/time.ts";
import type { Connection } from "../feed-lines.ts";
import type { Entry } from "./entry.ts";
import { entryId } from "./entry.ts";
import { orderChains } from "./group-order.ts";
import {
  balanceBefore,
  GROUP_GAP,
  missingBefore,
  RECEIVER_SKEW,
  type Running,
  runningAfter,
} from "./report.ts";
import { judgeSnapshot } from "./snapshot-rule.ts";

/** What stands to the left of a window; all null and zero where the account begins. */
export type Left = Readonly<{
  /** Id of the last standing entry there. */
  standing: string | null;
  running: Running;
  orderRunning: Running;
  chainAt: Nanos;
  rank: number;
}>;

/** Ranks leave room behind each run for the snapshots that stand or confirm there. */
const RANK_STEP = 2 ** 20;

/**
 * Puts the entries of a window into their order and computes everything that follows from it. The
 * runs are ordered first, since a snapshot never moves them; then each snapshot, in order of
 * arrival, confirms or stands.
 */
export function arrange(
  entries: readonly Entry[],
  left: Left,
  connections: ReadonlyMap<string, Connection>,
): Entry[] {
  const runs: Entry[] = [];
  let { orderRunning } = left;
  for (const chain of orderChains(entries.filter(isRun), orderRunning)) {
    const chainAt = earliest(chain);
    chain.forEach((run, at) => {
      run.chainAt = chainAt;
      run.rank = at * RANK_STEP;
      orderRunning = runningAfter(orderRunning, run);
      run.orderRunning = orderRunning;
      runs.push(run);
    });
  }
  settleBalances(runs, left);
  return withSnapshots(runs, entries.filter(isSnapshot), left, connections);
}

const isRun = ({ kind }: Entry): boolean => kind === "run";
const isSnapshot = ({ kind }: Entry): boolean => kind === "snapshot";

function earliest(chain: readonly Entry[]): Nanos {
  let first = chain[0]?.effectiveAt ?? 0n;
  for (const { effectiveAt } of chain) if (effectiveAt < first) first = effectiveAt;
  return first;
}

/** Running balances, and what is missing before each entry, of entries that all stand. */
function settleBalances(standing: readonly Entry[], left: Left): void {
  let before: Pick<Left, "standing" | "running"> = left;
  for (const entry of standing) {
    settleBalance(entry, before);
    before = { standing: entryId(entry), running: entry.running };
  }
}

function settleBalance(entry: Entry, before: Pick<Left, "standing" | "running">): void {
  entry.missing =
    entry.kind === "snapshot"
      ? missingInSnapshot(entry, before.running)
      : missingBefore(before.running, entry);
  entry.missingAfter = entry.missing === null ? null : before.standing;
  entry.opening = before.standing === null ? openingOf(entry) : null;
  entry.running = runningAfter(before.running, entry);
}

function missingInSnapshot({ balance, tolerance, ...rest }: Entry, running: Running) {
  if (balance === null) return null;
  // A snapshot's balance must be what stood before it: it is a report with a change of nothing.
  const change = balance.minus(balance);
  return missingBefore(running, { ...rest, balance, tolerance, change });
}

function openingOf(entry: Entry): Running {
  const before = entry.kind === "snapshot" ? null : balanceBefore(entry);
  return before === null || before.isZero() ? null : before;
}

function withSnapshots(
  runs: Entry[],
  snapshots: Entry[],
  left: Left,
  connections: ReadonlyMap<string, Connection>,
): Entry[] {
  if (snapshots.length === 0) return runs;
  let standing = runs;
  const confirming = new Map<Entry | null, Entry[]>();
  for (const snapshot of snapshots.sort(byArrival)) {
    const { stands, after } = judgeSnapshot(snapshot, standing, left.running, connections);
    const anchor = standing[after] ?? null;
    snapshot.standing = stands;
    snapshot.effectiveAt = timeBetween(anchor, snapshot, standing[after + 1]);
    if (stands) {
      standing = standing.toSpliced(after + 1, 0, snapshot);
      settleBalances(standing, left);
    } else {
      Object.assign(snapshot, { missing: null, missingAfter: null, opening: null });
      confirming.set(anchor, [...(confirming.get(anchor) ?? []), snapshot]);
    }
  }
  const order = [null, ...standing].flatMap((entry) => [
    ...(entry === null ? [] : [entry]),
    ...(confirming.get(entry) ?? []),
  ]);
  return rankSnapshots(order, left);
}

function byArrival(a: Entry, b: Entry): number {
  if (a.arrivedAt !== b.arrivedAt) return a.arrivedAt < b.arrivedAt ? -1 : 1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** Its arrival, but never outside its neighbours. */
function timeBetween(before: Entry | null, snapshot: Entry, after: Entry | undefined): Nanos {
  let time = snapshot.arrivedAt;
  if (after && after.effectiveAt < time) time = after.effectiveAt;
  if (before && before.effectiveAt > time) time = before.effectiveAt;
  return time;
}

/** Snapshots share the chain of the run before them; the running balance passes through. */
function rankSnapshots(entries: Entry[], left: Left): Entry[] {
  let before: Pick<Entry, "chainAt" | "rank" | "running" | "orderRunning"> = left;
  for (const entry of entries) {
    if (entry.kind === "snapshot") {
      entry.chainAt = before.chainAt;
      entry.rank = before.rank + 1;
      entry.orderRunning = before.orderRunning;
      if (!entry.standing) entry.running = before.running;
    }
    before = entry;
  }
  return entries;
}

/**
 * The common case without looking at the whole window: the entry is (or becomes) the last one,
 * further from the others than any reordering reaches.
 *
 * @param before the entry before it; undefined where it is the first.
 * @param snapshotAt when the account's last snapshot arrived: what comes next is compared with it,
 *   and so is the first entry after that, since a gap there may be the snapshot's place.
 * @returns false where `arrange` must do it.
 */
export function arrangeAtEnd(
  entry: Entry,
  before: Entry | undefined,
  left: Left,
  snapshotAt: Nanos,
): boolean {
  if (entry.kind === "snapshot") return false;
  if (before !== undefined && !isAlone(before)) return false;
  const beforeAt = before === undefined ? left.chainAt : before.effectiveAt;
  const isFirst = before === undefined && left.standing === null;
  if (!isFirst && entry.effectiveAt <= beforeAt + GROUP_GAP) return false;
  if (!isFirst && snapshotAt > 0n && beforeAt <= snapshotAt + RECEIVER_SKEW) return false;
  entry.chainAt = entry.effectiveAt;
  entry.rank = 0;
  entry.orderRunning = runningAfter((before ?? left).orderRunning, entry);
  settleBalance(entry, {
    standing: before ? entryId(before) : left.standing,
    running: (before ?? left).running,
  });
  return true;
}

/** A run alone in its chain: the boundary to a run far behind it cannot move. */
const isAlone = ({ kind, rank }: Entry): boolean => kind === "run" && rank === 0;

/** Whether what stands to the left of a window ends with such a run; snapshots have other ranks. */
export const endsAlone = ({ standing, rank }: Left): boolean => standing !== null && rank === 0;
