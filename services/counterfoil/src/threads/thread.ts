import { workerData } from "node:worker_threads";
import { keepCompiled } from "../program.ts";
import type { ThreadJob } from "./supervise.ts";

/** The first file of every worker thread; what it needs is loaded once it is kept compiled. */
keepCompiled();
const { runJob } = await import("./jobs.ts");

await runJob(workerData as ThreadJob);
