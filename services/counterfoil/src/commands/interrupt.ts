import { Stopped } from "../error-report.ts";

/**
 * Runs work that SIGINT and SIGTERM ask to stop, so that it can clear away what is not finished; a
 * second one ends the process as ever.
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Stopped("stopped before it was finished"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await work(stopping.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
