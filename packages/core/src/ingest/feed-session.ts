import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import { effectiveTimeOf } from "../balances/effective-time.ts";
import { counterOf } from "../balances/entry.ts";
import { errorOf } from "../balances/ordering.ts";
import { type Nanos, SECOND } from "../exact/time.ts";
import type { SocketOrder } from "../translate/translation.ts";
import { type FactData, initialFactState, type Place } from "./fact-state.ts";

/**
 * What one client of the feed remembers across its connections. A socket delivers in order, whatever
 * times and numbers the provider prints. Only its client knows this order, so it is recorded.
 */
export interface FeedSession {
  /**
   * Handles the frames in order; the last one may be passed again.
   *
   * @returns the order of the run that the frame states, if its time and number contradict the socket:
   *   it is dated no later than the account's run before it on the socket, or numbered lower.
   */
  orderOf(frame: StatedFrame): SocketOrder | null;
}

type StatedFrame = Readonly<{
  place: Place;
  facts: readonly ProviderFact[];
  receivedAt: Nanos;
}>;

/**
 * How many latest runs of accounts, and how many stated runs, are remembered; the oldest are
 * dropped.
 */
const ACCOUNTS_MAX = 200_000;
const RUNS_MAX = 200_000;

/**
 * A run that first arrived longer ago than this was most likely stated before and is restated after
 * a reconnect, so its order is known already.
 */
export const STATED_AGAIN_AFTER: Nanos = 600n * SECOND;

/** The stated run of an account with the highest effective time. */
type Latest = Readonly<{ run: string; at: Nanos }>;

function createFeedSession(): FeedSession {
  const latest = new Map<string, Latest>();
  const stated = new Set<string>();
  let last: Readonly<{ place: Place; order: SocketOrder | null }> | null = null;

  function orderOfRun({ facts }: StatedFrame): SocketOrder | null {
    const report = facts.find((fact) => fact.type === "BalanceReported")?.data;
    if (report?.run_id === undefined) return null;
    const { account, run_id: run } = report;
    const key = `${account} ${run}`;
    if (stated.has(key)) return null;
    const time = timeOf(report, facts);
    const before = latest.get(account);
    const order = before === undefined ? null : orderAfter(before, { run, at: time });
    makeRoom(stated, key, RUNS_MAX);
    stated.add(key);
    makeRoom(latest, account, ACCOUNTS_MAX);
    latest.set(account, { run, at: order?.notBefore ?? time });
    return order;
  }

  return {
    orderOf(frame) {
      const { connection, frame: number } = frame.place;
      const isRepeat = last?.place.connection === connection && last.place.frame === number;
      if (last === null || !isRepeat) last = { place: frame.place, order: orderOfRun(frame) };
      return last.order;
    },
  };
}

function orderAfter(before: Latest, { run, at }: Latest): SocketOrder | null {
  if (at <= before.at) return { notBefore: before.at + 1n, follows: before.run };
  const isNumberedBefore = counterOf(run) < counterOf(before.run);
  const error = errorOf({ effectiveAt: before.at });
  const isConfusable = isNumberedBefore && at - before.at <= error;
  return isConfusable ? { notBefore: at, follows: before.run } : null;
}

/** The effective time of a run, from one frame alone. */
function timeOf(report: DataOf<"BalanceReported">, facts: readonly ProviderFact[]): Nanos {
  const state = (data: FactData) => initialFactState(data, 0, null);
  const movements = facts.filter(
    ({ type, data }) => type === "MovementRecorded" && data.account === report.account,
  );
  return effectiveTimeOf(
    state(report),
    movements.map(({ data }) => state(data)),
  ).at;
}

/** Makes room for a key by dropping the least recently added one. */
function makeRoom(known: Set<string> | Map<string, Latest>, key: string, max: number): void {
  known.delete(key);
  if (known.size < max) return;
  for (const oldest of known.keys()) {
    known.delete(oldest);
    return;
  }
}

/**
 * The sessions of an ingestor. A connection takes over the session of the one that it continues.
 */
export interface FeedSessions {
  opened(connection: string, continues: string | undefined): void;
  of(connection: string): FeedSession | null;
}

/**
 * The sessions of the connections that this process opened. A connection that continues another takes over
 * its session.
 */
export function createFeedSessions(): FeedSessions {
  const sessions = new Map<string, FeedSession>();
  return {
    opened(connection, continues) {
      if (sessions.has(connection)) return;
      const before = continues === undefined ? undefined : sessions.get(continues);
      if (continues !== undefined) sessions.delete(continues);
      sessions.set(connection, before ?? createFeedSession());
    },
    of: (connection) => sessions.get(connection) ?? null,
  };
}
