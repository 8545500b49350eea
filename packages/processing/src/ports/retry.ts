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
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isOver = () => attempt >= attemptsMax || signal?.aborted === true;
      if (!isTransient(error) || isOver()) throw error;
      await clock.sleep(backoffMs(attempt, options, random), signal);
      if (isOver()) throw error;
    }
  }
}

/**
 * Exponential backoff with full jitter: a random pause between zero and a bound that doubles with each
 * attempt, so that callers that failed together do not retry together.
 */
export function backoffMs(
  attempt: number,
  { delayMsMin, delayMsMax }: Pick<RetryPolicy, "delayMsMin" | "delayMsMax">,
  random: RandomFraction,
): number {
  return random() * Math.min(delayMsMax, delayMsMin * 2 ** (attempt - 1));
}
