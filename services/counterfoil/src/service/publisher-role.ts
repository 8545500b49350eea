import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import { startOrClose } from "./closing.ts";
import { openWhenThere } from "./open-backends.ts";
import { openPublisher } from "./open-publisher.ts";
import { startOperationsListener } from "./operations-listener.ts";
import { createRegistry } from "./registry.ts";
import type { RoleOptions } from "./role.ts";
import type { Service } from "./run-until-signal.ts";

/** Publishes to Kafka, and nothing else. A second one of the ledger waits for its lock. */
export async function startPublisherRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, signal } = options;
  const backends = await openWhenThere({ config, access: "read", logger, signal });
  if (backends === null) return null;
  return startOrClose(async (closing) => {
    closing.add(backends.close);
    const registry = createRegistry();
    const report = createPublisherMetrics({ registry, stream: backends.stream });
    const publisher = openPublisher({ config, backends, logger, report });
    closing.add(publisher.stop);
    const address = await startOperationsListener({ config, registry, logger }, closing);
    logger.info({ ledger: backends.ledger, address }, "ready");
    return {};
  });
}
