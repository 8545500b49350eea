import { kafkaConfigOf } from "@counterfoil/adapters/kafka/kafka-config";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { startIngestor } from "@counterfoil/ingestor/ingestor";
import { createIngest } from "@counterfoil/processing/ingest";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import { startProjectorThreads } from "../threads/projector-threads.ts";
import { startPublisherThread } from "../threads/supervise-publisher.ts";
import { warnWithoutProvider } from "./channels.ts";
import { startOrClose } from "./closing.ts";
import { completeLeft } from "./complete-left.ts";
import { openAsIngestor } from "./open-backends.ts";
import { startReading } from "./reading.ts";
import { createRegistry } from "./registry.ts";
import type { RoleOptions } from "./role.ts";
import type { Service } from "./run-until-signal.ts";

/** Everything in one process: webhooks, the feed and the HTTP interface here, folding on threads. */
export function startService({ config, logger }: RoleOptions): Promise<Service> {
  return startOrClose(async (closing) => {
    const backends = await openAsIngestor(config, logger);
    closing.add(backends.close);
    const registry = createRegistry();
    const ingest = createIngest({ ...backends, translations: TRANSLATIONS });
    closing.add(ingest.stop);
    const { clock } = backends;
    const report = createProjectorMetrics({ registry });
    const threads = startProjectorThreads({ config, clock, logger, report });
    closing.add(threads.stop);
    if (kafkaConfigOf(config) !== null) {
      const tell = createPublisherMetrics({ registry, stream: backends.stream });
      closing.add(startPublisherThread({ config, clock, logger, report: tell }).stop);
    }
    const deps = { config, backends, logger, registry, clock, ingest };
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
    completeLeft(deps, closing);
    warnWithoutProvider(config, logger);
    logger.info(
      { ledger: backends.ledger, address, webhooks: webhooks.address ?? address },
      "ready",
    );
    return {};
  });
}
