import { setImmediate as nextImmediate, setTimeout as wait } from "node:timers/promises";
import { MILLISECOND, type Nanos } from "@counterfoil/core/exact/time";
import type { Clock } from "@counterfoil/processing/ports/clock";

/**
 * The system's time. Node tells it in milliseconds; below that stands what the monotonic counter
 * says has passed since this process first saw the millisecond. So it never falls behind the
 * system's millisecond, never runs into the next one, and follows when the system's time is set.
 */
function createNow(): () => Nanos {
  let millisecond = -1;
  let seenAt = 0n;
  return () => {
    const counter = process.hrtime.bigint();
    const now = Date.now();
    if (now !== millisecond) {
      millisecond = now;
      seenAt = counter;
    }
    const passed = counter - seenAt;
    return BigInt(now) * MILLISECOND + (passed < MILLISECOND ? passed : MILLISECOND - 1n);
  };
}

export const systemClock: Clock = {
  now: createNow(),
  sleep: async (ms, signal) => {
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
  nextTurn: () => nextImmediate(),
};
