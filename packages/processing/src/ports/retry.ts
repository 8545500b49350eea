import type { Clock } from "./clock.ts";

/** A fraction from 0 to below 1. */
export type RandomFraction = () => number;

export type RetryPolicy = Readonly<{
  /** Number of attempts, including the first. The error of the last one is thrown. */
  attemptsMax: number;
  /** Upper bounds of the first pause, and of every pause. */
  delayMsMin: number;
  delayMsMax: number;
}>;

type RetryOptions = RetryPolicy &
  Readonly<{
    /** Whether an error is worth a retry; any other error is thrown at once. */
    isTransient: (error: unknown) => boolean;
    clock: Pick<Clock, "sleep">;
    random?: RandomFraction;
    /** After it aborts there is no further attempt, and the last error is thrown. */
    signal?: AbortSignal | undefined;
  }>;

/**
 * Retries the work a bounded number of times, with a pause between attempts.
 *
 * @throws the error of the last attempt
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { isTransient, attemptsMax, clock, random = Math.random, signal } = options;
  const backoff = createBackoff({ ...options, jitter: random });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isOver = () => attempt >= attemptsMax || signal?.aborted === true;
      if (!isTransient(error) || isOver()) throw error;
      await clock.sleep(backoff.next(), signal);
      if (isOver()) throw error;
    }
  }
}

/** The pauses of a loop between its attempts, each twice as long as the one before, up to a bound. */
type Backoff = Readonly<{
  /**
   * The pause before the next attempt, in ms.
   *
   * @param delayMsMax of this pause, if it differs from that of the others
   */
  next(delayMsMax?: number): number;
  /** After progress: the next pause is as short as the first. */
  reset(): void;
}>;

/**
 * @param jitter the factor of each pause: a `RandomFraction`, `jitterAround`, or 1 without it, which
 *   suffices for loops of which one process runs at a time
 */
export function createBackoff({
  delayMsMin,
  delayMsMax,
  jitter = () => 1,
}: Pick<RetryPolicy, "delayMsMin" | "delayMsMax"> & Readonly<{ jitter?: () => number }>): Backoff {
  let boundMs = delayMsMin;
  return {
    next(mostMs = delayMsMax) {
      const pauseMs = Math.min(boundMs, mostMs);
      boundMs = 2 * pauseMs;
      return jitter() * pauseMs;
    },
    reset() {
      boundMs = delayMsMin;
    },
  };
}

/** Half to one and a half of a pause: what failed together is not retried together, and never at once. */
export const jitterAround = (): number => 0.5 + Math.random();

/**
 * The same with full jitter, for callers that count their attempts and may have another bound at each: a
 * random pause between zero and a bound that doubles with each attempt, so that those that failed
 * together do not retry together.
 */
export function backoffMs(
  attempt: number,
  { delayMsMin, delayMsMax }: Pick<RetryPolicy, "delayMsMin" | "delayMsMax">,
  random: RandomFraction,
): number {
  return random() * Math.min(delayMsMax, delayMsMin * 2 ** (attempt - 1));
}
