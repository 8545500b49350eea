import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import { startPublisher } from "@counterfoil/publisher/publisher";
import { openWhenThere } from "../service/open-ledger.ts";
import { openTopics } from "../service/open-topics.ts";
import { createRegistry, startOperationsListener } from "../service/operations.ts";
import { type RoleOptions, type Service, startOrClose } from "../service/service.ts";

/** Publishes to Kafka, and nothing else. A second one of the ledger waits for its lock. */
export async function startPublisherRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, signal } = options;
  const topics = openTopics(config, logger);
  // What is wrong with the brokers is said at once, not after the first event.
  await topics.prepare();
  const backends = await openWhenThere({ config, access: "read", logger, signal });
  if (backends === null) return null;
  return startOrClose(async (closing) => {
    closing.add(backends.close);
    const registry = createRegistry();
    const report = createPublisherMetrics({ registry, ...backends });
    const publisher = startPublisher({ backends, topics, logger, report });
    closing.add(publisher.stop);
    const address = await startOperationsListener({ config, registry, logger }, closing);
    logger.info({ ledger: backends.ledger, address }, "ready");
    return {};
  });
}
