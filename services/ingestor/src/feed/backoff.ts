/** A fraction from 0 to below 1. */
export type RandomFraction = () => number;

export type Backoff = Readonly<{
  /** How long to wait before the next attempt, in ms. */
  nextMs: () => number;
  /** The last attempt was a success. */
  reset: () => void;
}>;

export type BackoffOptions = Readonly<{
  delayMsMin: number;
  delayMsMax: number;
  random: RandomFraction;
}>;

/**
 * Exponential backoff with full jitter: anything between nothing and a bound that doubles from
 * `delayMsMin` to `delayMsMax`, so that clients which failed together do not come back together.
 */
export function createBackoff({ delayMsMin, delayMsMax, random }: BackoffOptions): Backoff {
  let boundMs = delayMsMin;
  return {
    nextMs() {
      const delayMs = random() * boundMs;
      boundMs = Math.min(boundMs * 2, delayMsMax);
      return delayMs;
    },
    reset() {
      boundMs = delayMsMin;
    },
  };
}
