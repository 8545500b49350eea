import type { Backends } from "@counterfoil/adapters/connect";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { completeLeftDeliveries } from "@counterfoil/processing/ingest/incomplete";
import { recordSocketOrder } from "@counterfoil/processing/ingest/record-socket-order";
import { isEngineError } from "@counterfoil/processing/ports/errors";
import type { Ingest } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import type { Closing } from "./closing.ts";

export type CompleteLeftOptions = Readonly<{
  backends: Pick<Backends, "stream" | "clock" | "hashing">;
  ingest: Ingest;
  logger: Logger;
}>;

const PAUSE_MS = 10_000;

/**
 * Completes deliveries that an ingestor left between two parts, beside the webhooks that come
 * already: nobody waits for it. While the stream is down it is tried again.
 */
export function completeLeft(options: CompleteLeftOptions, closing: Closing): void {
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
  { backends, ingest, logger }: CompleteLeftOptions,
  signal: AbortSignal,
): Promise<void> {
  const { stream } = backends;
  const placed = await recordSocketOrder({ ...backends, translations: TRANSLATIONS, signal });
  if (placed !== null) logger.info({ runs: placed }, "the order of older feeds is recorded");
  for await (const left of completeLeftDeliveries({ stream, ingest, signal })) {
    const { deliveryId, outcome, error } = left;
    const about = { delivery_id: deliveryId };
    if (outcome === "completed") logger.info(about, "a delivery that was left is complete now");
    else if (outcome === "gone") logger.warn(about, "a left delivery has lost its bytes: skipped");
    else logger.error({ ...about, err: error }, "a left delivery cannot be completed: skipped");
  }
}
