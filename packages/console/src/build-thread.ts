import { parentPort } from "node:worker_threads";
import { buildConsole } from "./build.ts";

/** Builds the console once, on a thread that ends with it. */
parentPort?.postMessage(await buildConsole());
