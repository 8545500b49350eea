import { kafkaConfigOf } from "@counterfoil/adapters/kafka/client";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { checkIngestorConfig, startIngestor } from "@counterfoil/ingestor/ingestor";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import { openAsIngestor } from "../service/open-ledger.ts";
import { createRegistry } from "../service/operations.ts";
import { type RoleOptions, type Service, startOrClose } from "../service/service.ts";
import { createDataFolder } from "../service/surroundings.ts";
import { startReadersThread } from "../threads/readers.ts";
import { createReadingThreads } from "../threads/reading.ts";
import { startProjectorThreads, startPublisherThread } from "../threads/service-threads.ts";
import { startReading } from "./gateway.ts";
import { completeDeliveries, warnWithoutProvider } from "./ingestor.ts";

/** Everything in one process: webhooks, the feed and the HTTP interface here, projections on threads. */
export function startService({ config, logger }: RoleOptions): Promise<Service> {
  return startOrClose(async (closing) => {
    // What is wrong with the configuration is said before a ledger is created.
    checkIngestorConfig(config);
    const isPublishing = kafkaConfigOf(config) !== null;
    createDataFolder(config);
    const backends = await openAsIngestor(config, logger);
    closing.add(backends.close);
    const registry = createRegistry();
    const ingest = createIngest({
      ...backends,
      translations: TRANSLATIONS,
      readLarge: createReadingThreads(),
    });
    closing.add(ingest.stop);
    const { clock } = backends;
    const report = createProjectorMetrics({ registry });
    const threads = startProjectorThreads({ config, clock, logger, report });
    closing.add(threads.stop);
    if (isPublishing) {
      const metrics = createPublisherMetrics({ registry, stream: backends.stream });
      closing.add(startPublisherThread({ config, clock, logger, report: metrics }).stop);
    }
    const readers = startReadersThread({ config, clock, logger });
    closing.add(readers.stop);
    const deps = { config, backends, logger, registry, clock, ingest, readers };
    const webhooks = { address: null as string | null };
    const address = await startReading(
      {
        ...deps,
        register: async (app) => {
          const ingestor = await startIngestor({ ...deps, app });
          closing.add(ingestor.stop);
          webhooks.address = ingestor.address;
        },
      },
      closing,
    );
    completeDeliveries(deps, closing);
    warnWithoutProvider(config, logger);
    logger.info(
      { ledger: backends.ledger, address, webhooks: webhooks.address ?? address },
      "ready",
    );
    return {};
  });
}
