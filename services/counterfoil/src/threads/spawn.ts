import { flushCompileCache } from "node:module";
import { type ResourceLimits, Worker } from "node:worker_threads";
import type { ThreadJob } from "./job.ts";

/**
 * A projector lives as long as the service and makes little garbage at a time: with the usual young
 * generation four of them hold 130 MB more, and are no faster. A rebuild is over soon.
 */
const LIMITS: Readonly<Record<ThreadJob["kind"], ResourceLimits>> = {
  projector: { maxYoungGenerationSizeMb: 12 },
  rebuild: {},
  publisher: { maxYoungGenerationSizeMb: 12 },
};

/** Starts a worker thread; it loads what this one has compiled. */
export function spawnThread(job: ThreadJob): Worker {
  flushCompileCache();
  return new Worker(new URL("./thread.ts", import.meta.url), {
    workerData: job,
    name: job.kind === "publisher" ? job.kind : `${job.kind}-${job.model}`,
    resourceLimits: LIMITS[job.kind],
  });
}
