import { randomUUID } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/http";
import { type EarlyServer, isLoopback, type ListenerAddress } from "@counterfoil/http/early-server";
import { createListener, type Listener, startOrStop } from "@counterfoil/http/listener";
import { type Guard, mountOperations, type Readiness } from "@counterfoil/http/operations";
import { sampleLog } from "@counterfoil/http/request-log";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Ingest } from "@counterfoil/processing/ports/ingest";
import type { Tracing } from "@counterfoil/processing/ports/tracing";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { startFeedClient } from "./feed/client.ts";
import { connectSocket, createSigner, feedConfigOf } from "./feed/connection.ts";
import { createMetrics } from "./telemetry.ts";
import { checkWebhookKeys, registerWebhooks, type WebhookDeps } from "./webhook.ts";

export type IngestorDeps = Readonly<{
  config: Config;
  ingest: Ingest;
  clock: Clock;
  logger: Logger;
  registry: Registry;
  /**
   * The service's HTTP instance, not listening yet, made by `createListener`. The webhook routes are
   * mounted there unless the configuration gives them their own address.
   */
  app?: FastifyInstance;
  /** Answers `/readyz` of a listener for webhooks alone. */
  readiness: Readiness;
  /** Given if requests are traced. */
  tracing?: Tracing;
  /** The open port of a listener for webhooks alone, if it was opened already. */
  earlyServer?: EarlyServer;
  /** Restricts access to the metrics of a listener for webhooks alone. */
  guard?: Guard;
}>;

export type Ingestor = Readonly<{
  /** URL of the listener for webhooks alone; null if `app` has the routes. */
  address: string | null;
  /**
   * Accepts nothing new, answers pending requests, closes the feed and records its closing. The caller
   * stops the listener of `app` and the ingest itself, in this order: app, ingestor, ingest.
   */
  stop: () => Promise<void>;
}>;

/**
 * Starts receiving deliveries: webhooks, and the Balances Feed if one is configured.
 *
 * @throws StartupError configuration_invalid, port_in_use; nothing is left running
 */
export async function startIngestor(deps: IngestorDeps): Promise<Ingestor> {
  const { registry } = deps;
  const feed = feedConfigOf(deps.config);
  const metrics = createMetrics(registry);
  const listener = await serveWebhooks({ ...deps, metrics });
  const log = sampleLog(deps);
  const client =
    feed &&
    startFeedClient({ ...deps, log, ...FEED_PLATFORM, metrics, feed, sign: createSigner(feed) });
  return {
    address: listener?.address ?? null,
    async stop() {
      await Promise.all([listener?.stop(), client?.stop()]);
    },
  };
}

/**
 * Checks that an ingestor can start with this configuration, before anything is created.
 *
 * @throws StartupError configuration_invalid
 */
export function checkIngestorConfig(config: Config): void {
  feedConfigOf(config);
  assertSignedBeyondLoopback(config);
  checkWebhookKeys(config);
}

/** The network, randomness and ids of the feed client; its tests replace them. */
const FEED_PLATFORM = {
  connect: connectSocket,
  random: Math.random,
  newConnection: randomUUID,
} as const;

type ServeDeps = WebhookDeps &
  Pick<IngestorDeps, "registry" | "app" | "readiness" | "earlyServer" | "guard">;

/** @returns the listener for webhooks alone; null if `app` has the routes */
async function serveWebhooks(deps: ServeDeps) {
  const { config, app } = deps;
  if (app !== undefined && !hasOwnAddress(config)) {
    assertSignedBeyondLoopback(config);
    await registerWebhooks(app, deps);
    return null;
  }
  const listener = await createWebhookListener(deps);
  return { ...listener, address: await startOrStop(listener) };
}

function hasOwnAddress(config: Config): boolean {
  const { host, port } = webhookAddress(config);
  return host !== config.COUNTERFOIL_HTTP_HOST || port !== config.COUNTERFOIL_HTTP_PORT;
}

/**
 * A listener for webhooks alone: `/webhooks/*`, `/healthz`, `/readyz`, `/metrics`, nothing else.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read, or if unsigned webhooks
 *   would be accepted from other computers
 */
export async function createWebhookListener(
  deps: WebhookDeps & Pick<IngestorDeps, "registry" | "readiness" | "earlyServer" | "guard">,
): Promise<Listener> {
  const { config, registry, readiness, guard } = deps;
  assertSignedBeyondLoopback(config);
  const listener = createListener({ ...deps, address: webhookAddress(config) });
  guard?.(listener.app);
  mountOperations(listener.app, registry, readiness);
  await registerWebhooks(listener.app, deps);
  return listener;
}

/** The address for webhooks, and the variables that set it; by default the service's address. */
export function webhookAddress(config: Config): ListenerAddress {
  const { COUNTERFOIL_WEBHOOK_HOST: host, COUNTERFOIL_WEBHOOK_PORT: port } = config;
  return {
    host: host ?? config.COUNTERFOIL_HTTP_HOST,
    port: port ?? config.COUNTERFOIL_HTTP_PORT,
    hostVariable: host === undefined ? "COUNTERFOIL_HTTP_HOST" : "COUNTERFOIL_WEBHOOK_HOST",
    portVariable: port === undefined ? "COUNTERFOIL_HTTP_PORT" : "COUNTERFOIL_WEBHOOK_PORT",
  };
}

/** @throws StartupError configuration_invalid */
function assertSignedBeyondLoopback(config: Config): void {
  const { host, hostVariable } = webhookAddress(config);
  if (!config.COUNTERFOIL_ALLOW_UNSIGNED || isLoopback(host)) return;
  throw new StartupError(
    "configuration_invalid",
    `COUNTERFOIL_ALLOW_UNSIGNED is true and ${hostVariable} is ${host}: unsigned webhooks are ` +
      "taken on a loopback address only",
  );
}
