import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { Overloaded } from "@counterfoil/processing/ports/ingest";
import { backoffMs, type RandomFraction } from "@counterfoil/processing/retry";
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

const PAUSES = { delayMsMin: 100, delayMsMax: 10_000 };

/**
 * Repeats whatever fails, with backoff from 0.1 to 10 s and without end: what comes after it waits,
 * since a frame that is skipped is money that is missing. Unforeseen errors are repeated too, and
 * logged as such.
 */
export function createPersist({ signal, ...options }: PersistOptions): Persist {
  const { clock, logger, random, onRetry } = options;
  return async (work) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) throw error;
        if (isTransient(error)) logger.warn({ error: error.name }, "feed waits for the stream");
        else logger.error(errorReport(error), "feed cannot record");
        onRetry();
        await clock.sleep(backoffMs(attempt, PAUSES, random), signal);
      }
    }
  };
}

function isTransient(error: unknown): error is Error {
  return error instanceof StreamUnavailable || error instanceof Overloaded;
}
