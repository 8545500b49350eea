import type { Backends } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createReadiness } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import { checkIngestorConfig, startIngestor, webhookAddress } from "@counterfoil/ingestor/ingestor";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { finishDeliveries, recordSocketOrder } from "@counterfoil/processing/ingest/startup";
import { isEngineError, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { Ingest } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import { createDataFolder, openAsIngestor } from "../service/open-ledger.ts";
import { createRegistry, guardOf, openRoleDoor } from "../service/operations.ts";
import { type Closing, type RoleOptions, type Service, startOrClose } from "../service/service.ts";
import { createReadingThreads } from "../threads/supervise.ts";

/** Runs an ingestor alone. Any number of them may run on one ledger. */
export function startIngestorRole({ config, logger }: RoleOptions): Promise<Service | null> {
  return startOrClose(async (closing) => {
    checkIngestorConfig(config);
    const door = await openRoleDoor({ config, logger }, closing, webhookAddress(config));
    createDataFolder(config);
    const backends = await openAsIngestor(config, logger);
    closing.add(backends.close);
    const { clock, ledger, tracing } = backends;
    const ingest = openIngest(backends);
    closing.add(ingest.stop);
    const registry = createRegistry();
    const readiness = createReadiness(ingest.assertTaking, clock);
    const guard = guardOf(config, backends);
    const taking = { config, ingest, clock, logger, registry, readiness, door, tracing, guard };
    const ingestor = await startIngestor(taking);
    closing.add(ingestor.stop);
    completeDeliveries({ backends, ingest, logger }, closing);
    warnWithoutProvider(config, logger);
    logger.info({ ledger, webhooks: ingestor.address }, "ready");
    return { drain: readiness.drain };
  });
}

/** How long an append failure makes the role not ready; only another delivery can show that it is over. */
const NOT_READY_AFTER_FAILURE = 5n * SECOND;

/** Creates the ingest, with a readiness check by the last append. */
export function openIngest(
  backends: Backends,
): Ingest & Readonly<{ assertTaking: () => Promise<void> }> {
  const { stream, clock } = backends;
  const readLarge = createReadingThreads();
  const ingest = createIngest({ ...backends, translations: TRANSLATIONS, readLarge });
  let failedAt: Nanos | null = null;
  return {
    ...ingest,
    async submit(delivery) {
      try {
        const receipt = await ingest.submit(delivery);
        failedAt = null;
        return receipt;
      } catch (error) {
        if (error instanceof StreamUnavailable) failedAt = clock.now();
        throw error;
      }
    },
    /** @throws Problem not_ready, StreamUnavailable */
    async assertTaking() {
      await stream.head();
      if (failedAt === null || clock.now() - failedAt > NOT_READY_AFTER_FAILURE) return;
      throw new Problem("not_ready", "the stream has just refused an append: see the log");
    },
  };
}

type CompleteOptions = Readonly<{
  backends: Pick<Backends, "stream" | "clock" | "hashing">;
  ingest: Ingest;
  logger: Logger;
}>;

const PAUSE_MS = 10_000;

/**
 * Completes deliveries that an ingestor has appended only in part before it died. Runs in the
 * background while webhooks are accepted. Retries while the stream is unavailable.
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

const FAILED = "incomplete deliveries could not be completed";

async function completeOnce(
  { backends, ingest, logger }: CompleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const { stream } = backends;
  const recorded = await recordSocketOrder({ ...backends, translations: TRANSLATIONS, signal });
  if (recorded !== null) {
    logger.info({ runs: recorded }, "the order of older feed connections is recorded");
  }
  for await (const incomplete of finishDeliveries({ stream, ingest, signal })) {
    const { deliveryId, outcome, error } = incomplete;
    const logged = { delivery_id: deliveryId };
    if (outcome === "completed") logger.info(logged, "an incomplete delivery is complete now");
    else if (outcome === "gone") {
      logger.warn(logged, "the bytes of an incomplete delivery are gone: skipped");
    } else {
      logger.error(
        { ...logged, err: error },
        "an incomplete delivery cannot be completed: skipped",
      );
    }
  }
}

/** Warns if no provider can send anything: legal, but probably a mistake. */
export function warnWithoutProvider(config: Config, logger: Logger): void {
  const isTaking =
    config.COUNTERFOIL_ALLOW_UNSIGNED ||
    config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET.length > 0 ||
    config.COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY.length > 0 ||
    config.COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY.length > 0 ||
    config.COUNTERFOIL_ZEROHASH_FEED_URL !== undefined;
  if (isTaking) return;
  logger.warn(
    "no provider is configured, so nothing is taken in: set COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET, COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY or COUNTERFOIL_ZEROHASH_FEED_URL",
  );
}
