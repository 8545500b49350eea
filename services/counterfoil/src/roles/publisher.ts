import { openTopics } from "@counterfoil/adapters/kafka/topics";
import { createReadiness } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import {
  createPublisherMetrics,
  type PublisherEvent,
  type PublishingState,
  startPublisher,
} from "@counterfoil/publisher/publisher";
import { openWhenCreated } from "../service/open-ledger.ts";
import { createRegistry, openRoleDoor, startOperationsListener } from "../service/operations.ts";
import { type RoleOptions, type Service, startOrClose } from "../service/service.ts";

/** Runs a publisher alone. A second publisher of the ledger waits for its lock. */
export async function startPublisherRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, signal } = options;
  const topics = openTopics(config, logger);
  return startOrClose(async (closing) => {
    const door = await openRoleDoor(options, closing);
    // Problems of the brokers show at once, not after the first event.
    await topics.prepare();
    const backends = await openWhenCreated({ config, access: "read", logger, signal });
    if (backends === null) return null;
    closing.add(backends.close);
    const registry = createRegistry();
    const measure = createPublisherMetrics({ registry, ...backends });
    let state: PublishingState = "opening";
    const report = (event: PublisherEvent) => {
      if (event.kind === "state") state = event.state;
      measure(event);
    };
    const readiness = createReadiness(async () => assertPublishing(state), backends.clock);
    const publisher = startPublisher({ backends, topics, logger, report });
    closing.add(publisher.stop);
    const operations = { config, registry, logger, readiness, door, backends };
    const address = await startOperationsListener(operations, closing);
    logger.info({ ledger: backends.ledger, address }, "ready");
    return { drain: readiness.drain };
  });
}

const READY_STATES: readonly PublishingState[] = [
  "waiting_for_lock",
  "catching_up",
  "live",
  "waiting_for_models",
];

/** Throws unless the broker is reached, here or by another publisher. */
function assertPublishing(state: PublishingState): void {
  if (READY_STATES.includes(state)) return;
  throw new Problem("not_ready", `the publisher is ${state}: see the log`);
}
