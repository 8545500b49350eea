import type { Nanos } from "@counterfoil/core/exact/time";

/** The only way in for time. */
export interface Clock {
  /** Nanoseconds since 1970. */
  now(): Nanos;
  /** Resolves after the delay, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when everything that is ready to run has had its turn. */
  nextTurn(): Promise<void>;
}
