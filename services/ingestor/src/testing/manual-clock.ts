import { MILLISECOND } from "@counterfoil/core/exact/time";
import * as memory from "@counterfoil/processing/testing/manual-clock";
import { createWatchedList } from "./watched-list.ts";

type ManualClock = memory.ManualClock &
  Readonly<{
    /** The duration of each sleep that has begun, in ms. */
    sleeps: () => readonly number[];
    /** Resolves when this many sleeps have begun. */
    whenSlept: (count: number) => Promise<void>;
  }>;

/** A clock that advances only when a test says so, and records its sleeps. */
export function createManualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  const clock = memory.createManualClock(BigInt(startMs) * MILLISECOND);
  const slept = createWatchedList<number>();
  return {
    ...clock,
    async sleep(ms, signal) {
      const sleeping = clock.sleep(ms, signal);
      slept.add(ms);
      await sleeping;
    },
    async advance(ms) {
      await clock.advance(ms);
      await runPending();
    },
    sleeps: slept.all,
    whenSlept: async (count) => {
      await slept.when((items) => items.length >= count);
    },
  };
}

/** Lets everything run that is ready to run. */
export function runPending(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
