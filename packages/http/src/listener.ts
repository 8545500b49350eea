import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { type AddressInfo, BlockList, isIP, type Socket } from "node:net";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import type { Clock } from "@counterfoil/processing/ports/clock";
import {
  type ConnectionError,
  type FastifyHttpOptions,
  type FastifyInstance,
  fastify,
} from "fastify";
import type { Logger } from "pino";
import { connectionsWithin } from "./open-files.ts";
import {
  type AsProblem,
  answerFailures,
  PROBLEM_MEDIA_TYPE,
  Problem,
  problemDocumentOf,
  sendProblem,
} from "./problem.ts";
import { type SampledLog, sampleLog } from "./sampled-log.ts";
import { boundTransfers, type TransferLimits } from "./transfers.ts";

/** Where to listen, and the variables that say so, for the errors. */
export type ListenerAddress = Readonly<{
  host: string;
  port: number;
  hostVariable: string;
  portVariable: string;
}>;

type ListenerConfig = Pick<Config, "COUNTERFOIL_MAX_BODY_BYTES"> &
  Partial<
    Pick<
      Config,
      | "COUNTERFOIL_HTTP_TLS_CERT_FILE"
      | "COUNTERFOIL_HTTP_TLS_KEY_FILE"
      | "COUNTERFOIL_TRUSTED_PROXIES"
    >
  >;

export type ListenerOptions = Readonly<{
  config: ListenerConfig;
  address: ListenerAddress;
  clock: Clock;
  logger: Logger;
  asProblem?: AsProblem;
  /** Where they are not the usual ones. */
  limits?: Partial<ListenerLimits>;
}>;

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

/** What a listener gives those who do not keep up. */
export type ListenerLimits = TransferLimits &
  Readonly<{
    /** From the connection, or a request's first byte, to its last header: 408. */
    headersTimeoutMs: number;
    /** From a request's first byte to its last: 408. */
    requestTimeoutMs: number;
    /** A connection without any request: longer than proxies keep theirs, which would race it. */
    idleTimeoutMs: number;
    /** Beyond that a new connection is closed at once, and with it those that are idle. */
    connectionsMax: number;
  }>;

const LIMITS: ListenerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 60_000,
  idleTimeoutMs: 72_000,
  connectionsMax: 1_000,
  bodyBytesMax: 16 * 1024 * 1024,
  answerBytesMax: 16 * 1024 * 1024,
};

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
  const app = createApp(config, limits);
  answerFailures(app, { ...options, log });
  boundConnections(app, { ...limits, log });
  boundTransfers(app, { ...limits, log });
  closeConnectionsWhileStopping(app);
  return { app, start: () => listen(app, address), stop: () => close(app, clock) };
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

/** The address of the service as a whole. */
export function serviceAddress(
  config: Pick<Config, "COUNTERFOIL_HTTP_HOST" | "COUNTERFOIL_HTTP_PORT">,
): ListenerAddress {
  return {
    host: config.COUNTERFOIL_HTTP_HOST,
    port: config.COUNTERFOIL_HTTP_PORT,
    hostVariable: "COUNTERFOIL_HTTP_HOST",
    portVariable: "COUNTERFOIL_HTTP_PORT",
  };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether only programs of this computer reach the host; of names only `localhost` is sure to. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? "ipv4" : "ipv6");
}

/** Providers choose ids, and each byte of one may take nine in an address. */
const PARAM_LENGTH_MAX = 8192;

function createApp(config: ListenerConfig, limits: ListenerLimits): FastifyInstance {
  const options = serverOptions(config, limits);
  const tls = tlsOf(config);
  if (tls === null) return fastify(options);
  try {
    // A server of HTTPS does all that is asked of one of HTTP here.
    return fastify({
      ...options,
      https: { ...options.http, ...tls },
    }) as unknown as FastifyInstance;
  } catch (error) {
    throw new StartupError(
      "configuration_invalid",
      `${TLS_FILES.join(", ")}: no certificate with its key (${(error as Error).message})`,
    );
  }
}

const TLS_FILES = ["COUNTERFOIL_HTTP_TLS_CERT_FILE", "COUNTERFOIL_HTTP_TLS_KEY_FILE"] as const;

/** @throws StartupError configuration_invalid where a file cannot be read */
function tlsOf(config: ListenerConfig): Readonly<{ cert: Buffer; key: Buffer }> | null {
  const [cert = null, key = null] = TLS_FILES.map((name) => {
    const file = config[name];
    if (file === undefined) return null;
    try {
      return readFileSync(file);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const message = `${name} is "${file}" (${code}): expected a PEM file that can be read`;
      throw new StartupError("configuration_invalid", message);
    }
  });
  return cert === null || key === null ? null : { cert, key };
}

/** Requests that never reach a route (headers too large, too slow, no HTTP) get problems as well. */
function serverOptions(config: ListenerConfig, limits: ListenerLimits) {
  const { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs } = limits;
  const { COUNTERFOIL_MAX_BODY_BYTES: bodyLimit, COUNTERFOIL_TRUSTED_PROXIES = [] } = config;
  return {
    bodyLimit,
    // Of any other peer the headers of a proxy say nothing.
    trustProxy: COUNTERFOIL_TRUSTED_PROXIES.length > 0 && [...COUNTERFOIL_TRUSTED_PROXIES],
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 10),
    },
    // While closing, what comes over kept connections is still answered: a refusal costs a webhook.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (_error, _request, reply) => {
      sendProblem(reply, new Problem("malformed_request", "the address cannot be read"));
    },
  } satisfies FastifyHttpOptions<Server>;
}

function boundConnections(
  { server }: FastifyInstance,
  { connectionsMax, log }: Pick<ListenerLimits, "connectionsMax"> & Readonly<{ log: SampledLog }>,
): void {
  server.maxConnections = connectionsWithin(connectionsMax);
  server.on("drop", () => {
    log("connections", "warn", { connections_max: server.maxConnections }, "connection refused");
    server.closeIdleConnections();
  });
}

/** Errors of Node's HTTP parser; any other means that it was no HTTP. */
const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem("headers_too_large", "all headers together: 16 KiB"),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem("request_timeout", "the request did not end in time"),
};

const NOT_HTTP = new Problem("malformed_request", "this is no HTTP/1.1 request");

/** How long the other side may take to read the answer. */
const LINGER_MS = 5_000;

function answerClientError(error: ConnectionError, socket: Socket): void {
  // Bytes that follow the broken ones bring further errors; the first one is being answered.
  if (socket.writableEnded) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemDocumentOf(CLIENT_ERRORS[error.code] ?? NOT_HTTP);
  const body = JSON.stringify(problem);
  // Destroying the socket while bytes come in would discard the answer.
  const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(lingering));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      `Content-Type: ${PROBLEM_MEDIA_TYPE}; charset=utf-8`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}

async function listen(app: FastifyInstance, address: ListenerAddress): Promise<string> {
  const { host, port } = address;
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenError(error, address);
  }
  const bound = app.server.address() as AddressInfo;
  const printed = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  const scheme = "https" in app.initialConfig ? "https" : "http";
  return `${scheme}://${printed}:${bound.port}`;
}

function listenError(error: unknown, address: ListenerAddress): unknown {
  const { host, port, hostVariable, portVariable } = address;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    const message = `${host}:${port} is taken: stop what listens there or set ${portVariable}`;
    return new StartupError("port_in_use", message);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EACCES") {
    const message = `cannot listen on ${host}:${port} (${code}): see ${hostVariable}, ${portVariable}`;
    return new StartupError("configuration_invalid", message);
  }
  return error;
}

/** How long a stop waits for requests under way; a client that is cut off asks again. */
const STOP_GRACE_MS = 5_000;

async function close(app: FastifyInstance, clock: Clock): Promise<void> {
  const closed = new AbortController();
  // A closing server no longer times out requests, so a stalled one would block it for ever.
  const cutting = clock.sleep(STOP_GRACE_MS, closed.signal);
  void cutting.then(() => app.server.closeAllConnections());
  await app.close();
  closed.abort();
}

/** A kept connection whose last request ends after the stop began would delay it until it idles out. */
function closeConnectionsWhileStopping(app: FastifyInstance): void {
  app.addHook("onResponse", async () => {
    if (!app.server.listening) setImmediate(() => app.server.closeIdleConnections());
  });
}
