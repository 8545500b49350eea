import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import { effectiveTimeOf } from "../balances/effective-time.ts";
import { type Nanos, SECOND } from "../exact/time.ts";
import { type FactData, initialFactState, type Place } from "./fact-state.ts";

/**
 * What one client of the feed remembers over its connections. A socket is ordered by itself,
 * whatever times the provider prints: a run that is dated no later than what the socket stated of
 * its account before did not happen before that. Only whoever hears it knows, so it is recorded.
 */
export interface FeedSession {
  /**
   * Takes in a frame; each in its order, and the last one again if it has to be.
   *
   * @returns before which time what the frame states did not happen; null where its own time says so.
   */
  notBefore(frame: StatedFrame): Nanos | null;
}

export type StatedFrame = Readonly<{
  place: Place;
  facts: readonly ProviderFact[];
  receivedAt: Nanos;
}>;

/** Accounts whose latest time is remembered, and runs that were stated; the oldest go. */
const ACCOUNTS_MAX = 200_000;
const RUNS_MAX = 200_000;

/**
 * A run that others told of longer ago than this was most likely stated before, and after a
 * reconnect is stated again: where it stands is known.
 */
export const STATED_AGAIN_AFTER: Nanos = 600n * SECOND;

export function createFeedSession(): FeedSession {
  /** By account, the highest effective time that was stated. */
  const highest = new Map<string, Nanos>();
  const stated = new Set<string>();
  let last: Readonly<{ place: Place; result: Nanos | null }> | null = null;

  function dated({ facts }: StatedFrame): Nanos | null {
    const report = facts.find((fact) => fact.type === "BalanceReported")?.data;
    if (report?.run_id === undefined) return null;
    const { account, run_id } = report;
    const run = `${account} ${run_id}`;
    if (stated.has(run)) return null;
    const time = timeOf(report, facts);
    const before = highest.get(account);
    const result = before === undefined || time > before ? null : before + 1n;
    keep(stated, run, RUNS_MAX);
    stated.add(run);
    keep(highest, account, ACCOUNTS_MAX);
    highest.set(account, result ?? time);
    return result;
  }

  return {
    notBefore(frame) {
      const { place } = frame;
      const isRepeat =
        last?.place.connection === place.connection && last.place.frame === place.frame;
      if (last === null || !isRepeat) last = { place, result: dated(frame) };
      return last.result;
    },
  };
}

/** The effective time of a run by what one frame says of it. */
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

/** Makes room for one more, the least recently added first. */
function keep(known: Set<string> | Map<string, Nanos>, key: string, most: number): void {
  known.delete(key);
  if (known.size < most) return;
  for (const oldest of known.keys()) {
    known.delete(oldest);
    return;
  }
}

/** The sessions of an ingestor: a connection goes on with that of the one it continues. */
export interface FeedSessions {
  opened(connection: string, continues: string | undefined): void;
  of(connection: string): FeedSession | null;
}

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
