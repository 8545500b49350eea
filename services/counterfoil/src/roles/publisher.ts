import { openTopics } from "@counterfoil/adapters/kafka/topics";
import { createReadiness } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import {
  createPublisherMetrics,
  type PublisherEvent,
  type PublishingState,
  startPublisher,
} from "@counterfoil/publisher/publisher";
import { openWhenThere } from "../service/open-ledger.ts";
import { createRegistry, openRoleDoor, startOperationsListener } from "../service/operations.ts";
import { type RoleOptions, type Service, startOrClose } from "../service/service.ts";

/** Publishes to Kafka, and nothing else. A second one of the ledger waits for its lock. */
export async function startPublisherRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, signal } = options;
  const topics = openTopics(config, logger);
  return startOrClose(async (closing) => {
    const door = await openRoleDoor(options, closing);
    // What is wrong with the brokers is said at once, not after the first event.
    await topics.prepare();
    const backends = await openWhenThere({ config, access: "read", logger, signal });
    if (backends === null) return null;
    closing.add(backends.close);
    const registry = createRegistry();
    const measure = createPublisherMetrics({ registry, ...backends });
    let present: PublishingState = "opening";
    const report = (event: PublisherEvent) => {
      if (event.kind === "state") present = event.state;
      measure(event);
    };
    const readiness = createReadiness(async () => assertPublishing(present), backends.clock);
    const publisher = startPublisher({ backends, topics, logger, report });
    closing.add(publisher.stop);
    const operations = { config, registry, logger, readiness, door, backends };
    const address = await startOperationsListener(operations, closing);
    logger.info({ ledger: backends.ledger, address }, "ready");
    return { drain: readiness.drain };
  });
}

const WELL: readonly PublishingState[] = [
  "waiting_for_lock",
  "catching_up",
  "live",
  "waiting_for_models",
];

/** What a publisher needs: a broker that it has reached, or another publisher that has. */
function assertPublishing(state: PublishingState): void {
  if (WELL.includes(state)) return;
  throw new Problem("not_ready", `the publisher is ${state}: see the log`);
}
