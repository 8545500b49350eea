import { workerData } from "node:worker_threads";
import { runJob } from "./jobs.ts";
import type { ThreadJob } from "./supervise.ts";

/** The entry point of every worker thread. */
await runJob(workerData as ThreadJob);
