import type { DataOf, ProviderFact } from "@counterfoil/contracts/fact";
import { effectiveTimeOf } from "../balances/effective-time.ts";
import { counterOf } from "../balances/entry.ts";
import { TIME_ERROR } from "../balances/ordering.ts";
import { type Nanos, SECOND } from "../exact/time.ts";
import type { SocketOrder } from "../translate/translation.ts";
import { type FactData, initialFactState, type Place } from "./fact-state.ts";

/**
 * What one client of the feed remembers over its connections. A socket is ordered by itself,
 * whatever times and numbers the provider prints: only whoever hears it knows, so it is recorded.
 */
export interface FeedSession {
  /**
   * Takes in a frame; each in its order, and the last one again if it has to be.
   *
   * @returns where the run that it states stands, where its own time and number do not say so: it is
   *   dated no later than what the socket stated of the account before, or numbered before it.
   */
  orderOf(frame: StatedFrame): SocketOrder | null;
}

type StatedFrame = Readonly<{
  place: Place;
  facts: readonly ProviderFact[];
  receivedAt: Nanos;
}>;

/** Accounts whose latest run is remembered, and runs that were stated; the oldest go. */
const ACCOUNTS_MAX = 200_000;
const RUNS_MAX = 200_000;

/**
 * A run that others told of longer ago than this was most likely stated before, and after a
 * reconnect is stated again: where it stands is known.
 */
export const STATED_AGAIN_AFTER: Nanos = 600n * SECOND;

/** The run with the highest effective time that was stated of an account. */
type Latest = Readonly<{ run: string; at: Nanos }>;

function createFeedSession(): FeedSession {
  const latest = new Map<string, Latest>();
  const stated = new Set<string>();
  let last: Readonly<{ place: Place; order: SocketOrder | null }> | null = null;

  function place({ facts }: StatedFrame): SocketOrder | null {
    const report = facts.find((fact) => fact.type === "BalanceReported")?.data;
    if (report?.run_id === undefined) return null;
    const { account, run_id: run } = report;
    const name = `${account} ${run}`;
    if (stated.has(name)) return null;
    const time = timeOf(report, facts);
    const before = latest.get(account);
    const order = before === undefined ? null : orderBehind(before, { run, at: time });
    makeRoom(stated, name, RUNS_MAX);
    stated.add(name);
    makeRoom(latest, account, ACCOUNTS_MAX);
    latest.set(account, { run, at: order?.notBefore ?? time });
    return order;
  }

  return {
    orderOf(frame) {
      const { connection, frame: number } = frame.place;
      const isRepeat = last?.place.connection === connection && last.place.frame === number;
      if (last === null || !isRepeat) last = { place: frame.place, order: place(frame) };
      return last.order;
    },
  };
}

function orderBehind(before: Latest, { run, at }: Latest): SocketOrder | null {
  if (at <= before.at) return { notBefore: before.at + 1n, follows: before.run };
  const isNumberedBefore = counterOf(run) < counterOf(before.run);
  const isConfusable = isNumberedBefore && at - before.at <= TIME_ERROR;
  return isConfusable ? { notBefore: at, follows: before.run } : null;
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
function makeRoom(known: Set<string> | Map<string, Latest>, key: string, most: number): void {
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
