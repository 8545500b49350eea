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
