import type { Backends } from "@counterfoil/adapters/connect";
import { kafkaConfigOf } from "@counterfoil/adapters/kafka/client";
import { prepareConsole } from "@counterfoil/gateway/console";
import { createReadiness } from "@counterfoil/http/operations";
import { checkIngestorConfig, startIngestor } from "@counterfoil/ingestor/ingestor";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import type { Registry } from "prom-client";
import { createDataFolder, openAsIngestor } from "../service/open-ledger.ts";
import {
  type Closing,
  createRegistry,
  guardOf,
  openRoleServer,
  type RoleOptions,
  type Service,
  startOrClose,
} from "../service/service.ts";
import {
  type ReadersThread,
  startProjectorThreads,
  startPublisherThread,
  startReadersThread,
} from "../threads/supervise.ts";
import { startReading } from "./gateway.ts";
import { completeDeliveries, openIngest, warnWithoutProvider } from "./ingestor.ts";

/** Runs all roles in one process: webhooks, the feed and HTTP on the main thread, the rest on others. */
export function startService({ config, logger }: RoleOptions): Promise<Service | null> {
  return startOrClose(async (closing) => {
    // Errors of the configuration show before a ledger is created.
    checkIngestorConfig(config);
    const isPublishing = kafkaConfigOf(config) !== null;
    const earlyServer = await openRoleServer({ config, logger }, closing);
    const pages = prepareConsole(logger);
    closing.add(async () => pages.stop());
    createDataFolder(config);
    const backends = await openAsIngestor(config, logger);
    closing.add(backends.close);
    const registry = createRegistry();
    const ingest = openIngest(backends, logger);
    closing.add(ingest.stop);
    const readiness = createReadiness(ingest.assertTaking, backends.clock);
    const { clock, tracing } = backends;
    const guard = guardOf(config, backends);
    const readers = startThreads({ config, backends, logger, registry, isPublishing }, closing);
    const { areAppendsRefused } = ingest;
    const deps = {
      ...{ config, backends, logger, registry, clock, ingest, readers, readiness },
      areAppendsRefused,
    };
    const webhooks = { address: null as string | null };
    const { address, drain } = await startReading(
      {
        ...deps,
        earlyServer,
        pages,
        register: async (app) => {
          const ingestor = await startIngestor({ ...deps, app, tracing, guard });
          closing.add(ingestor.stop);
          webhooks.address = ingestor.address;
        },
      },
      closing,
    );
    completeDeliveries(deps, closing);
    warnWithoutProvider(config, logger);
    await Promise.allSettled([readers.ready, pages.bundle()]);
    logger.info(
      { ledger: backends.ledger, address, webhooks: webhooks.address ?? address },
      "ready",
    );
    return { drain };
  });
}

type ThreadsDeps = Pick<RoleOptions, "config" | "logger"> &
  Readonly<{ backends: Backends; registry: Registry; isPublishing: boolean }>;

/** Starts what runs beside the main thread. @returns the readers */
function startThreads(
  { config, backends, logger, registry, isPublishing }: ThreadsDeps,
  closing: Closing,
): ReadersThread {
  const { clock } = backends;
  const deps = { config, clock, logger };
  // Started first: a reader may connect before there is anything to project.
  const readers = startReadersThread(deps);
  closing.add(readers.stop);
  const report = createProjectorMetrics({ registry, clock });
  closing.add(startProjectorThreads({ ...deps, report }).stop);
  if (isPublishing) {
    const metrics = createPublisherMetrics({ registry, ...backends });
    closing.add(startPublisherThread({ ...deps, report: metrics }).stop);
  }
  return readers;
}
