import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { Overloaded } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import { errorReport } from "../error-report.ts";

/** Does the work until it succeeds. */
export type Persist = <T>(work: () => Promise<T>) => Promise<T>;

export type PersistOptions = Readonly<{
  clock: Clock;
  logger: Logger;
  random: RandomFraction;
  onRetry: () => void;
  /** Once it aborts, work gets one more attempt and then its error is thrown. */
  signal: AbortSignal;
}>;

/**
 * Repeats whatever fails, with backoff from 0.1 to 10 s and without end: what comes after it waits,
 * since a frame that is skipped is money that is missing. Unforeseen errors are repeated too, and
 * logged as such.
 */
export function createPersist({ signal, ...options }: PersistOptions): Persist {
  const { clock, logger, random, onRetry } = options;
  const backoff = createBackoff({ delayMsMin: 100, delayMsMax: 10_000, random });
  return async (work) => {
    for (;;) {
      try {
        const result = await work();
        backoff.reset();
        return result;
      } catch (error) {
        if (signal.aborted) throw error;
        if (isTransient(error)) logger.warn({ error: error.name }, "feed waits for the stream");
        else logger.error(errorReport(error), "feed cannot record");
        onRetry();
        await clock.sleep(backoff.nextMs(), signal);
      }
    }
  };
}

function isTransient(error: unknown): error is Error {
  return error instanceof StreamUnavailable || error instanceof Overloaded;
}

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
