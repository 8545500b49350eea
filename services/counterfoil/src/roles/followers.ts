import { connect } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import { createReadiness } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import { sampleLog } from "@counterfoil/http/request-log";
import { SHARED_PAGE } from "@counterfoil/processing/audit/audit-index";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { createProjectorMetrics } from "@counterfoil/projector/metrics";
import {
  createUpgrade,
  type ModelState,
  type ProjectorEvent,
  startProjector,
} from "@counterfoil/projector/projector";
import { createPublisherMetrics } from "@counterfoil/publisher/metrics";
import {
  type PublisherEvent,
  type PublishingState,
  startPublisher,
} from "@counterfoil/publisher/publisher";
import { BUILD } from "../program.ts";
import { reportHeadKey, startHeads } from "../service/heads.ts";
import { openWhenCreated } from "../service/open-ledger.ts";
import {
  createRegistry,
  openRoleServer,
  type RoleOptions,
  type Service,
  startOperationsListener,
  startOrClose,
} from "../service/service.ts";

/** Runs a projector alone. A second projector of a model waits for its lock. */
export async function startProjectorRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, models, signal } = options;
  return startOrClose(async (closing) => {
    const earlyServer = await openRoleServer(options, closing);
    const backends = await openWhenCreated({ config, access: "read", logger, signal });
    if (backends === null) return null;
    closing.add(backends.close);
    const registry = createRegistry();
    const states = new Map<ModelName, ModelState>();
    const readiness = createReadiness(async () => assertProjecting(states), backends.clock);
    const operations = { config, registry, logger, readiness, earlyServer, backends };
    const address = await startOperationsListener(operations, closing);
    const openForWriting = () => connect(config, "write");
    const upgrade = createUpgrade({ openForWriting, build: BUILD, logger });
    const measure = createProjectorMetrics({ registry, ...backends });
    const report = (event: ProjectorEvent) => {
      if (event.kind === "state") states.set(event.model, event.state);
      measure(event);
    };
    const warn = sampleLog({ logger, clock: backends.clock });
    const projector = startProjector({ backends, models, logger, upgrade, report, warn });
    closing.add(projector.stop);
    const { clock } = backends;
    reportHeadKey(backends.signer, logger);
    closing.add(
      startHeads({ config, heads: createHeads({ ...backends, page: SHARED_PAGE }), clock, logger })
        .stop,
    );
    logger.info({ ledger: backends.ledger, models, address }, "ready");
    return { drain: readiness.drain };
  });
}

const NOT_READY_STATES: readonly ModelState[] = ["failed", "forked", "unavailable"];

/** Throws unless each model is projected, here or by another projector. */
function assertProjecting(states: ReadonlyMap<ModelName, ModelState>): void {
  const notReady = [...states].filter(([, state]) => NOT_READY_STATES.includes(state));
  if (notReady.length === 0) return;
  const named = notReady.map(([model, state]) => `${model} is ${state}`).join(", ");
  throw new Problem("not_ready", `${named}: see the log`);
}

/** Runs a publisher alone. A second publisher of the ledger waits for its lock. */
export async function startPublisherRole(options: RoleOptions): Promise<Service | null> {
  const { config, logger, signal } = options;
  // Loaded on demand: a projector needs no client of Kafka.
  const { openTopics } = await import("@counterfoil/adapters/kafka/topics");
  const topics = openTopics(config, logger);
  return startOrClose(async (closing) => {
    const earlyServer = await openRoleServer(options, closing);
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
    const operations = { config, registry, logger, readiness, earlyServer, backends };
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
