import { parentPort, resourceLimits, workerData } from "node:worker_threads";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { readLarge } from "@counterfoil/processing/ingest/large-reading";
import type { LargeSource } from "@counterfoil/processing/ports/ingest";
import type { FactsRequest, ReadMessage } from "./reading.ts";

/**
 * The thread that reads one large body, and sends requested ranges of its facts until it is terminated.
 * It enters here and not with the other threads, whose code takes as much memory as the body.
 */
const {
  facts,
  close: _,
  ...read
} = readLarge(workerData as LargeSource, {
  translations: TRANSLATIONS,
  hashing: nodeHashing,
  memoryMax: resourceLimits.maxOldGenerationSizeMb ?? Number.POSITIVE_INFINITY,
});
parentPort?.postMessage(read satisfies ReadMessage);
parentPort?.on("message", async ({ from, upTo }: FactsRequest) => {
  parentPort?.postMessage(await facts(from, upTo));
});
