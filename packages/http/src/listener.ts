import type { RequestListener } from "node:http";
import type { Config } from "@counterfoil/contracts/config";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { type FastifyInstance, fastify } from "fastify";
import type { Logger } from "pino";
import {
  createDoor,
  DOOR_LIMITS,
  type Door,
  type DoorConfig,
  type DoorLimits,
  type ListenerAddress,
} from "./door.ts";
import type { Readiness } from "./operations.ts";
import { type AsProblem, answerFailures, Problem, sendProblem } from "./problem.ts";
import {
  answerRequestIds,
  logRequests,
  REQUEST_ID_HEADER,
  requestIdOf,
  sampleLog,
} from "./request-log.ts";
import { boundTransfers, type TransferLimits } from "./transfers.ts";

type ListenerConfig = Pick<Config, "COUNTERFOIL_MAX_BODY_BYTES"> &
  Partial<Pick<Config, "COUNTERFOIL_TRUSTED_PROXIES">> &
  DoorConfig;

export type ListenerOptions = Readonly<{
  config: ListenerConfig;
  address: ListenerAddress;
  clock: Clock;
  logger: Logger;
  asProblem?: AsProblem;
  /** Where they are not the usual ones. */
  limits?: Partial<ListenerLimits>;
  /** Where it is open already. */
  door?: Door;
  /** While it drains, each connection ends with the answer that is under way. */
  readiness?: Pick<Readiness, "isDraining">;
  /** Its requests are those of another listener, which logs them. */
  isInner?: boolean;
}>;

/** What a listener gives those who do not keep up. */
export type ListenerLimits = TransferLimits & DoorLimits;

const LIMITS: ListenerLimits = {
  ...DOOR_LIMITS,
  answerTimeoutMs: 60_000,
  bodyBytesMax: 16 * 1024 * 1024,
  answerBytesMax: 16 * 1024 * 1024,
};

export type Listener = Readonly<{
  /** Takes routes until it is started. */
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
 * An HTTP listener without routes: limits, problem documents, an orderly end.
 *
 * @throws StartupError configuration_invalid where its certificate cannot be used
 */
export function createListener(options: ListenerOptions): Listener {
  const { config, address, clock } = options;
  const bodyBytesMax = Math.max(LIMITS.bodyBytesMax, 4 * config.COUNTERFOIL_MAX_BODY_BYTES);
  const limits = { ...LIMITS, bodyBytesMax, ...options.limits };
  const log = sampleLog(options);
  const door = options.door ?? createDoor({ config, address, limits, log });
  const { app, handle } = createApp(config, door);
  answerRequestIds(app);
  if (!options.isInner) logRequests(app, { ...options, log });
  answerFailures(app, { ...options, log });
  boundTransfers(app, { ...limits, log });
  closeConnectionsWhileDraining(app, options.readiness);
  closeConnectionsWhileStopping(app);
  // Not awaited: whoever is under way is answered, and gives up what it waits for in hooks like this.
  app.addHook("preClose", async () => void door.close());
  return {
    app,
    async start() {
      const url = await door.open();
      await app.ready();
      door.admit(handle);
      return url;
    },
    stop: () => close(app, door, clock),
  };
}

/** The application on a door that is not its own to open. */
function createApp(config: ListenerConfig, { server }: Door) {
  const { COUNTERFOIL_MAX_BODY_BYTES: bodyLimit, COUNTERFOIL_TRUSTED_PROXIES = [] } = config;
  let handle: RequestListener = () => {};
  const app = fastify({
    bodyLimit,
    requestIdHeader: false,
    genReqId: requestIdOf,
    // Of any other peer the headers of a proxy say nothing.
    trustProxy: COUNTERFOIL_TRUSTED_PROXIES.length > 0 && [...COUNTERFOIL_TRUSTED_PROXIES],
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    serverFactory: (handler) => {
      handle = handler as RequestListener;
      return server;
    },
    // The door answers those.
    clientErrorHandler: () => {},
    // While closing, what comes over kept connections is still answered: a refusal costs a webhook.
    return503OnClosing: false,
    frameworkErrors: (_error, { id }, reply) => {
      sendProblem(
        reply.header(REQUEST_ID_HEADER, id),
        new Problem("malformed_request", "the address cannot be read"),
      );
    },
  });
  return { app, handle };
}

/**
 * Opens a port before there is anything to serve on it, for a listener that gets it as `door`.
 *
 * @throws StartupError port_in_use, configuration_invalid
 */
export async function openDoor(options: Omit<ListenerOptions, "limits" | "door">): Promise<Door> {
  const door = createDoor({ ...options, limits: LIMITS, log: sampleLog(options) });
  await door.open();
  return door;
}

/**
 * Starts a listener and answers its address.
 *
 * @throws StartupError port_in_use, configuration_invalid; the listener is stopped then
 */
export async function startOrStop({ start, stop }: Omit<Listener, "app">): Promise<string> {
  try {
    return await start();
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Providers choose ids, and each byte of one may take nine in an address. */
const PARAM_LENGTH_MAX = 8192;

/** How long a stop waits for requests under way; a client that is cut off asks again. */
const STOP_GRACE_MS = 5_000;

async function close(app: FastifyInstance, door: Door, clock: Clock): Promise<void> {
  const closed = new AbortController();
  // A closing server no longer times out requests, so a stalled one would block it for ever.
  const cutting = clock.sleep(STOP_GRACE_MS, closed.signal);
  void cutting.then(() => door.server.closeAllConnections());
  await app.close();
  await door.close();
  closed.abort();
}

/** Whoever keeps one would send on it at the very moment when it is closed. */
function closeConnectionsWhileDraining(
  app: FastifyInstance,
  readiness: ListenerOptions["readiness"],
): void {
  if (readiness === undefined) return;
  app.addHook("onRequest", async (_request, reply) => {
    if (readiness.isDraining()) reply.header("connection", "close");
  });
}

/** A kept connection whose last request ends after the stop began would delay it until it idles out. */
function closeConnectionsWhileStopping(app: FastifyInstance): void {
  app.addHook("onResponse", async () => {
    if (!app.server.listening) setImmediate(() => app.server.closeIdleConnections());
  });
}
