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

/** What a question answers; what `late` says, or throws, where it has not answered by then. */
export async function inTime<T>(
  answer: Promise<T>,
  { ms, late }: Readonly<{ ms: number; late: () => T }>,
  clock: Pick<Clock, "sleep">,
): Promise<T> {
  const answered = new AbortController();
  const waiting = clock.sleep(ms, answered.signal).then(() => {
    // Nobody listens any more, and what is late would be thrown at nobody.
    return answered.signal.aborted ? answer : late();
  });
  try {
    return await Promise.race([answer, waiting]);
  } finally {
    answered.abort();
  }
}

/** A scrape is answered although the database is not: what is not read by then is not told. */
export const SCRAPE_MS_MAX = 500;

/** For who must not wait for a database that is away: null where it fails, or is late. */
export const withinMs = <T>(
  answer: Promise<T>,
  ms: number,
  clock: Pick<Clock, "sleep">,
): Promise<T | null> =>
  inTime<T | null>(
    answer.catch(() => null),
    { ms, late: () => null },
    clock,
  );

/** A fraction from 0 to below 1. */
export type RandomFraction = () => number;

export type RetryPolicy = Readonly<{
  /** All attempts, the first one too. The error of the last one is thrown. */
  attemptsMax: number;
  /** The bound of the first pause, and of any. */
  delayMsMin: number;
  delayMsMax: number;
}>;

type RetryOptions = RetryPolicy &
  Readonly<{
    /** Whether trying again may help; any other error is thrown at once. */
    isPassing: (error: unknown) => boolean;
    clock: Pick<Clock, "sleep">;
    random?: RandomFraction;
    /** Once it aborts there is no further attempt: the last error is thrown. */
    signal?: AbortSignal | undefined;
  }>;

/**
 * Does the work until it succeeds, with a pause between two attempts, a bounded number of times.
 *
 * @throws what the last attempt threw
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { isPassing, attemptsMax, clock, random = Math.random, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isOver = () => attempt >= attemptsMax || signal?.aborted === true;
      if (!isPassing(error) || isOver()) throw error;
      await clock.sleep(backoffMs(attempt, options, random), signal);
      if (isOver()) throw error;
    }
  }
}

/**
 * Exponential backoff with full jitter: anything between nothing and a bound that doubles with each
 * attempt, so that those who failed together do not come back together.
 */
export function backoffMs(
  attempt: number,
  { delayMsMin, delayMsMax }: Pick<RetryPolicy, "delayMsMin" | "delayMsMax">,
  random: RandomFraction,
): number {
  return random() * Math.min(delayMsMax, delayMsMin * 2 ** (attempt - 1));
}
