import type { Backends } from "@counterfoil/adapters/connect";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { completeLeftDeliveries } from "@counterfoil/processing/ingest/incomplete";
import { recordSocketOrder } from "@counterfoil/processing/ingest/record-socket-order";
import { isEngineError } from "@counterfoil/processing/ports/errors";
import type { Ingest } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import type { Closing } from "./closing.ts";

export type CompleteOptions = Readonly<{
  backends: Pick<Backends, "stream" | "clock" | "hashing">;
  ingest: Ingest;
  logger: Logger;
}>;

const PAUSE_MS = 10_000;

/**
 * Completes deliveries of which an ingestor that died appended only a part. Webhooks are taken
 * meanwhile, and nobody waits for it. While the stream is unavailable, it retries.
 */
export function completeDeliveries(options: CompleteOptions, closing: Closing): void {
  const { backends, logger } = options;
  const stopping = new AbortController();
  const done = (async () => {
    while (!stopping.signal.aborted) {
      try {
        return await completeOnce(options, stopping.signal);
      } catch (error) {
        if (!isEngineError(error)) return logger.error({ err: error }, FAILED);
        logger.warn({ err: error, pause_ms: PAUSE_MS }, FAILED);
        await backends.clock.sleep(PAUSE_MS, stopping.signal);
      }
    }
  })();
  closing.add(async () => {
    stopping.abort();
    await done;
  });
}

const FAILED = "left deliveries could not be completed";

async function completeOnce(
  { backends: { stream, hashing }, ingest, logger }: CompleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const recorded = await recordSocketOrder({ stream, hashing, translations: TRANSLATIONS, signal });
  if (recorded !== null) logger.info({ runs: recorded }, "the order of older feeds is recorded");
  for await (const incomplete of completeLeftDeliveries({ stream, ingest, signal })) {
    const { deliveryId, outcome, error } = incomplete;
    const logged = { delivery_id: deliveryId };
    if (outcome === "completed") logger.info(logged, "a delivery that was left is complete now");
    else if (outcome === "gone") logger.warn(logged, "a left delivery has lost its bytes: skipped");
    else logger.error({ ...logged, err: error }, "a left delivery cannot be completed: skipped");
  }
}
