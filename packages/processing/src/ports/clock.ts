import type { Nanos } from "@counterfoil/core/exact/time";

/** The only source of time. */
export interface Clock {
  /** Nanoseconds since 1970. */
  now(): Nanos;
  /** Resolves after the delay, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves after all callbacks that are ready to run. */
  nextTurn(): Promise<void>;
}

/**
 * Waits for an answer with a timeout.
 *
 * @returns the answer, or the result of `late` (which may throw) after the timeout
 */
export async function withTimeout<T>(
  answer: Promise<T>,
  { ms, late }: Readonly<{ ms: number; late: () => T }>,
  clock: Pick<Clock, "sleep">,
): Promise<T> {
  const answered = new AbortController();
  const waiting = clock.sleep(ms, answered.signal).then(() => {
    // After an answer, `late` must not throw an error that no caller would handle.
    return answered.signal.aborted ? answer : late();
  });
  try {
    return await Promise.race([answer, waiting]);
  } finally {
    answered.abort();
  }
}

/** A metrics scrape is answered even if the database is not: values not read by then are omitted. */
export const SCRAPE_MS_MAX = 500;

/** For callers that must not wait for an unavailable database. @returns null on an error or a timeout */
export const withinMs = <T>(
  answer: Promise<T>,
  ms: number,
  clock: Pick<Clock, "sleep">,
): Promise<T | null> =>
  withTimeout<T | null>(
    answer.catch(() => null),
    { ms, late: () => null },
    clock,
  );

/** Calls share the answer that is being computed; one after it computes another. */
export function shareAnswer<T>(compute: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= compute().finally(() => {
      running = null;
    });
    return running;
  };
}

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
