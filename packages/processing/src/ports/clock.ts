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
