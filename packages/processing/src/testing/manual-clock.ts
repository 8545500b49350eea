import type { Nanos } from "@counterfoil/core/exact/time";
import type { Clock } from "../ports/clock.ts";

export type ManualClock = Clock &
  Readonly<{
    /** Lets time pass; whoever sleeps wakes at its time, in order, also who lies down meanwhile. */
    advance(ms: number): Promise<void>;
    /** Sets the time, as an operator might, also back. Sleepers go by what `advance` lets pass. */
    set(now: Nanos): void;
  }>;

type Sleeper = Readonly<{ wakesAt: number; wake: () => void }>;

/** Time that passes only by hand. */
export function createManualClock(start: Nanos = 0n): ManualClock {
  let now = start;
  let passedMs = 0;
  let sleepers: readonly Sleeper[] = [];

  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const pass = (ms: number) => {
    passedMs += ms;
    now += BigInt(Math.round(ms * 1e6));
  };

  async function advance(ms: number): Promise<void> {
    const until = passedMs + ms;
    await nextTurn();
    for (let next = nextSleeper(until); next !== undefined; next = nextSleeper(until)) {
      pass(next.wakesAt - passedMs);
      next.wake();
      await nextTurn();
    }
    pass(until - passedMs);
  }

  function nextSleeper(until: number): Sleeper | undefined {
    return sleepers.find(({ wakesAt }) => wakesAt <= until);
  }

  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper = { wakesAt: passedMs + Math.max(0, ms), wake };
        signal?.addEventListener("abort", wake);
        // The sort is stable: of those with one time, who lay down first wakes first.
        sleepers = [...sleepers, sleeper].sort((a, b) => a.wakesAt - b.wakesAt);
      }),
    nextTurn,
    advance,
    set: (time) => {
      now = time;
    },
  };
}
