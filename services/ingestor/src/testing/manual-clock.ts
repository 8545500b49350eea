import { MILLISECOND } from "@counterfoil/core/exact/time";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { createWatchedList } from "./watched-list.ts";

export type ManualClock = Clock &
  Readonly<{
    /** Lets time pass; who sleeps wakes up on the way, in order. */
    advance: (ms: number) => Promise<void>;
    /** How long each sleep that began so far was to take, in ms. */
    sleeps: () => readonly number[];
    /** Resolves when this many sleeps have begun. */
    whenSlept: (count: number) => Promise<void>;
  }>;

type Sleeper = Readonly<{ dueMs: number; wake: () => void }>;

/** A clock that stands still until it is told otherwise. */
export function createManualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  const slept = createWatchedList<number>();
  return {
    now: () => BigInt(Math.round(nowMs)) * MILLISECOND,
    sleep(ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      addSleeper(sleepers, { dueMs: nowMs + ms, wake: resolve }, signal);
      slept.add(ms);
      return promise;
    },
    nextTurn: runPending,
    sleeps: slept.all,
    whenSlept: async (count) => {
      await slept.when((items) => items.length >= count);
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (let next = nextDue(sleepers, untilMs); next; next = nextDue(sleepers, untilMs)) {
        nowMs = next.dueMs;
        sleepers.delete(next);
        next.wake();
        // Whoever was woken acts, and may sleep again, before more time passes.
        await runPending();
      }
      nowMs = untilMs;
      await runPending();
    },
  };
}

function addSleeper(
  sleepers: Set<Sleeper>,
  sleeper: Sleeper,
  signal: AbortSignal | undefined,
): void {
  if (signal?.aborted) sleeper.wake();
  else sleepers.add(sleeper);
  const wake = () => {
    if (sleepers.delete(sleeper)) sleeper.wake();
  };
  signal?.addEventListener("abort", wake, { once: true });
}

function nextDue(sleepers: ReadonlySet<Sleeper>, untilMs: number): Sleeper | undefined {
  const [next] = [...sleepers].sort((a, b) => a.dueMs - b.dueMs);
  return next !== undefined && next.dueMs <= untilMs ? next : undefined;
}

/** Lets everything run that is ready to run. */
export function runPending(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
