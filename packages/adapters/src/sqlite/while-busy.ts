import { setTimeout as wait } from "node:timers/promises";
import { isBusy } from "./engine-error.ts";

const PATIENCE_MS = 5_000;
const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 25;

/**
 * Does `work`, again and again while another process holds the file, at most five seconds: SQLite
 * has no queue of writers. Between the attempts the event loop is free. The pauses are drawn at
 * random, so that processes that collided once do not go on in step.
 */
export async function whileBusy<T>(work: () => T, patienceMs = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await wait(pauseMs * (0.5 + Math.random()));
  }
}
