import { flushCompileCache } from "node:module";
import { Worker } from "node:worker_threads";
import type { ThreadJob } from "./job.ts";

/** Starts a worker thread; it loads what this one has compiled. */
export function spawnThread(job: ThreadJob): Worker {
  flushCompileCache();
  return new Worker(new URL("./thread.ts", import.meta.url), {
    workerData: job,
    name: `${job.kind}-${job.model}`,
  });
}
