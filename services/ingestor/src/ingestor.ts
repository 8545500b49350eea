import { randomUUID } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Ingest } from "@counterfoil/processing/ports/ingest";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { startFeedClient } from "./feed/feed-client.ts";
import { feedConfigOf } from "./feed/feed-config.ts";
import { connectSocket } from "./feed/feed-socket.ts";
import { createSigner } from "./feed/signing.ts";
import { assertSignedBeyondLoopback, createWebhookListener, webhookAddress } from "./listener.ts";
import { createMetrics, type IngestorMetrics } from "./metrics.ts";
import { registerWebhooks } from "./webhook-route.ts";

export type IngestorDeps = Readonly<{
  config: Config;
  ingest: Ingest;
  clock: Clock;
  logger: Logger;
  registry: Registry;
  /**
   * The service's own HTTP instance, not listening yet. The webhook routes go there unless the
   * configuration gives them an address of their own. Create it with `serverOptions`.
   */
  app?: FastifyInstance;
  /** For `/readyz` of a listener of its own. */
  isReady?: () => boolean;
}>;

export type Ingestor = Readonly<{
  /** URL of the listener for webhooks alone; null where `app` has the routes. */
  address: string | null;
  /**
   * Takes nothing new, answers what is under way, closes the feed and records that. The listener of
   * `app` and the ingest itself are the caller's to stop, in this order: app, ingestor, ingest.
   */
  stop: () => Promise<void>;
}>;

/**
 * Starts taking deliveries: webhooks, and the Balances Feed where one is configured.
 *
 * @throws StartupError configuration_invalid, port_in_use; nothing is left running then
 */
export async function startIngestor(deps: IngestorDeps): Promise<Ingestor> {
  const { config, registry } = deps;
  const feed = feedConfigOf(config);
  const metrics = createMetrics(registry);
  const listener = await takeWebhooks(deps, metrics);
  const client =
    feed && startFeedClient({ ...deps, ...FEED_WORLD, metrics, feed, sign: createSigner(feed) });
  return {
    address: listener?.address ?? null,
    async stop() {
      await Promise.all([listener?.stop(), client?.stop()]);
    },
  };
}

/** What the feed client takes from the world; its tests bring their own. */
const FEED_WORLD = {
  connect: connectSocket,
  random: Math.random,
  newConnection: randomUUID,
} as const;

async function takeWebhooks(deps: IngestorDeps, metrics: IngestorMetrics) {
  const { config, app } = deps;
  if (app !== undefined && !hasOwnAddress(config)) {
    assertSignedBeyondLoopback(config);
    await registerWebhooks(app, { ...deps, metrics });
    return null;
  }
  const listener = await createWebhookListener(config, { ...deps, metrics });
  try {
    return { address: await listener.start(), stop: listener.stop };
  } catch (error) {
    await listener.stop();
    throw error;
  }
}

function hasOwnAddress(config: Config): boolean {
  const { host, port } = webhookAddress(config);
  return host !== config.COUNTERFOIL_HTTP_HOST || port !== config.COUNTERFOIL_HTTP_PORT;
}
