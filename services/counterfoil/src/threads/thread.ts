import { workerData } from "node:worker_threads";
import { keepCompiled } from "../compile-cache.ts";
import type { ThreadJob } from "./job.ts";

/** The first file of every worker thread. */
keepCompiled();
const ENTRIES = {
  projector: () => import("./projector-thread.ts"),
  rebuild: () => import("./rebuild-thread.ts"),
  publisher: () => import("./publisher-thread.ts"),
} as const;

await ENTRIES[(workerData as ThreadJob).kind]();
