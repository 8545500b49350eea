import type { AddressInfo } from "node:net";
import { isLoopback } from "@counterfoil/adapters/node/loopback";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { type FastifyInstance, fastify } from "fastify";
import type { Registry } from "prom-client";
import { errorReport } from "./error-report.ts";
import { sendProblem } from "./problem.ts";
import { serverOptions } from "./server-option.ts";
import { registerWebhooks, type WebhookDeps } from "./webhook-route.ts";

export type ListenerDeps = Omit<WebhookDeps, "config"> &
  Readonly<{
    registry: Registry;
    /** For `/readyz`; without it the listener is ready while it listens. */
    isReady?: () => boolean;
    requestTimeoutMs?: number;
  }>;

export type WebhookListener = Readonly<{
  app: FastifyInstance;
  /**
   * Binds the address and answers it as a URL.
   *
   * @throws StartupError port_in_use, configuration_invalid
   */
  start: () => Promise<string>;
  /** Takes nothing new and resolves when everything under way is answered, or cut after 5 s. */
  stop: () => Promise<void>;
}>;

/**
 * A listener for webhooks alone: `/webhooks/*`, `/healthz`, `/readyz`, `/metrics`, nothing else.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read, or where unsigned
 *   webhooks would be taken from other computers
 */
export async function createWebhookListener(
  config: Config,
  deps: ListenerDeps,
): Promise<WebhookListener> {
  assertSignedBeyondLoopback(config);
  const app = fastify(serverOptions(config, deps.requestTimeoutMs));
  answerEverythingElse(app, deps);
  mountOperations(app, deps);
  await registerWebhooks(app, { ...deps, config });
  closeConnectionsWhileStopping(app);
  return {
    app,
    start: () => listen(app, webhookAddress(config)),
    stop: () => closeWithin(STOP_GRACE_MS, app, deps.clock),
  };
}

/** How long a stop waits for requests under way; who is cut off sends again. */
const STOP_GRACE_MS = 5_000;

async function closeWithin(graceMs: number, app: FastifyInstance, clock: Clock): Promise<void> {
  const closed = new AbortController();
  // A server that is closing no longer times out requests, so a stalled one would block it for ever.
  const cutting = clock.sleep(graceMs, closed.signal);
  void cutting.then(() => app.server.closeAllConnections());
  await app.close();
  closed.abort();
}

export type WebhookAddress = Readonly<{
  host: string;
  port: number;
  hostVariable: string;
  portVariable: string;
}>;

/** Where webhooks are taken, and the variables that say so; by default the service's address. */
export function webhookAddress(config: Config): WebhookAddress {
  const { COUNTERFOIL_WEBHOOK_HOST: host, COUNTERFOIL_WEBHOOK_PORT: port } = config;
  return {
    host: host ?? config.COUNTERFOIL_HTTP_HOST,
    port: port ?? config.COUNTERFOIL_HTTP_PORT,
    hostVariable: host === undefined ? "COUNTERFOIL_HTTP_HOST" : "COUNTERFOIL_WEBHOOK_HOST",
    portVariable: port === undefined ? "COUNTERFOIL_HTTP_PORT" : "COUNTERFOIL_WEBHOOK_PORT",
  };
}

/** @throws StartupError configuration_invalid */
export function assertSignedBeyondLoopback(config: Config): void {
  const { host, hostVariable } = webhookAddress(config);
  if (!config.COUNTERFOIL_ALLOW_UNSIGNED || isLoopback(host)) return;
  throw new StartupError(
    "configuration_invalid",
    `COUNTERFOIL_ALLOW_UNSIGNED is true and ${hostVariable} is ${host}: unsigned webhooks are ` +
      "taken on a loopback address only",
  );
}

function answerEverythingElse(app: FastifyInstance, { logger }: ListenerDeps): void {
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, "not_found", "no such address"));
  app.setErrorHandler((error, _request, reply) => {
    logger.error(errorReport(error), "request failed");
    return sendProblem(reply, "internal_error", "the request failed");
  });
}

function mountOperations(app: FastifyInstance, { registry, isReady }: ListenerDeps): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) =>
    isReady?.() === false
      ? sendProblem(reply, "stream_unavailable", "deliveries cannot be stored just now")
      : { status: "ready" },
  );
  app.get("/metrics", async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}

/** A kept connection whose request ends after the stop began would delay it until it idles out. */
function closeConnectionsWhileStopping(app: FastifyInstance): void {
  app.addHook("onResponse", async () => {
    if (!app.server.listening) setImmediate(() => app.server.closeIdleConnections());
  });
}

async function listen(app: FastifyInstance, address: WebhookAddress): Promise<string> {
  const { host, port } = address;
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenError(error, address);
  }
  const bound = app.server.address() as AddressInfo;
  const printed = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return `http://${printed}:${bound.port}`;
}

function listenError(error: unknown, address: WebhookAddress): unknown {
  const { host, port, hostVariable, portVariable } = address;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    const message = `${host}:${port} is taken: stop what listens there or set ${portVariable}`;
    return new StartupError("port_in_use", message);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EACCES") {
    const message = `${code} for ${host}:${port}: see ${hostVariable} and ${portVariable}`;
    return new StartupError("configuration_invalid", message);
  }
  return error;
}
