import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, BlockList, isIP, type Socket } from "node:net";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/http";
import type { ConnectionError } from "fastify";
import { PROBLEM_MEDIA_TYPE, Problem, problemDocumentOf } from "./problem.ts";
import type { SampledLog } from "./request-log.ts";

/** Limits for slow or idle clients. */
export type ConnectionLimits = Readonly<{
  /**
   * From the connection, or a request's first byte, to its last header: 408. The TLS handshake has as
   * long, and no answer.
   */
  headersTimeoutMs: number;
  /** From a request's first byte to its last: 408. */
  requestTimeoutMs: number;
  /**
   * For a connection without a request. Longer than proxies keep theirs, to avoid a race with them.
   */
  idleTimeoutMs: number;
  /**
   * How long a stop waits for a connection that has not carried a request: one may be on its way.
   * Browsers open connections in advance, and Node counts these as busy.
   */
  unusedTimeoutMs: number;
  /** A connection beyond this number is closed at once, and so are all idle ones. */
  connectionsMax: number;
}>;

export const CONNECTION_LIMITS: ConnectionLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 72_000,
  unusedTimeoutMs: 250,
  connectionsMax: 1_000,
};

export type TlsConfig = Partial<
  Pick<Config, "COUNTERFOIL_HTTP_TLS_CERT_FILE" | "COUNTERFOIL_HTTP_TLS_KEY_FILE">
>;

type EarlyServerOptions = Readonly<{
  config: TlsConfig;
  address: ListenerAddress;
  limits: ConnectionLimits;
  log: SampledLog;
}>;

/**
 * A port and its server. The port may be open long before the application is ready, while a ledger is
 * opened or another server is awaited. Until then `/healthz` responds and everything else gets 503.
 */
export type EarlyServer = Readonly<{
  server: Server;
  /**
   * Starts to listen unless it does already.
   *
   * @returns the address as a URL
   * @throws StartupError port_in_use, configuration_invalid
   */
  open: () => Promise<string>;
  /** Passes all requests to this handler from now on. */
  admit: (handle: RequestListener) => void;
  /** Accepts no new connections; resolves when the last one has ended. */
  close: () => Promise<void>;
  /** Ends every connection at once, whatever is under way on it. */
  cutConnections: () => void;
}>;

/** @throws StartupError configuration_invalid where its certificate cannot be used */
export function createEarlyServer(options: EarlyServerOptions): EarlyServer {
  const { config, address, limits, log } = options;
  let handle: RequestListener = respondStarting;
  const server = serverOf(config, limits, (request, response) => handle(request, response));
  server.keepAliveTimeout = limits.idleTimeoutMs;
  server.on("clientError", respondToClientError);
  limitConnections(server, limits, log);
  const scheme = tlsFilesOf(config) === null ? "http" : "https";
  const connections = trackConnections(server);
  let closed: Promise<void> | null = null;
  return {
    server,
    async open() {
      if (!server.listening) await listen(server, address);
      const bound = server.address() as AddressInfo;
      const printed = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
      return `${scheme}://${printed}:${bound.port}`;
    },
    admit(admitted) {
      handle = admitted;
    },
    close() {
      // A server that never listened still needs closing, for its timer; the callback's error is expected.
      closed ??= new Promise((resolve) => {
        const timer = setTimeout(connections.cutUnused, limits.unusedTimeoutMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      return closed;
    },
    cutConnections: connections.cutAll,
  };
}

const STARTING = problemDocumentOf(new Problem("not_ready", "the service is starting"));

function respondStarting({ url }: IncomingMessage, response: ServerResponse): void {
  const isAlive = url?.split("?", 1)[0] === "/healthz";
  const [status, type, body] = isAlive
    ? ([200, "application/json", { status: "ok" }] as const)
    : ([503, PROBLEM_MEDIA_TYPE, STARTING] as const);
  response
    .writeHead(status, {
      "content-type": `${type}; charset=utf-8`,
      connection: "close",
      ...(!isAlive && { "retry-after": "1" }),
    })
    .end(JSON.stringify(body));
}

function serverOf(config: TlsConfig, limits: ConnectionLimits, handle: RequestListener): Server {
  const { headersTimeoutMs } = limits;
  const options = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 10),
  };
  const files = tlsFilesOf(config);
  if (files === null) return createServer(options, handle);
  try {
    const server = createTlsServer(
      { ...options, ...files, handshakeTimeout: headersTimeoutMs },
      handle,
    );
    // Nothing can be answered before the handshake: the `clientError` that follows finds a socket that ended.
    server.prependListener("tlsClientError", (_error, socket) => socket.destroy());
    // An HTTPS server has every member of an HTTP server that is used here.
    return server as unknown as Server;
  } catch (error) {
    throw new StartupError(
      "configuration_invalid",
      `${TLS_FILES.join(", ")}: no certificate with its key (${(error as Error).message})`,
    );
  }
}

const TLS_FILES = ["COUNTERFOIL_HTTP_TLS_CERT_FILE", "COUNTERFOIL_HTTP_TLS_KEY_FILE"] as const;

/** @throws StartupError configuration_invalid where a file cannot be read */
function tlsFilesOf(config: TlsConfig): Readonly<{ cert: Buffer; key: Buffer }> | null {
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

function limitConnections(
  server: Server,
  { connectionsMax }: Pick<ConnectionLimits, "connectionsMax">,
  log: SampledLog,
): void {
  server.maxConnections = connectionsLimit(connectionsMax);
  server.on("drop", () => {
    log("connections", "warn", { connections_max: server.maxConnections }, "connection refused");
    server.closeIdleConnections();
  });
}

/**
 * The server's connections from their first moment. Under TLS these are the raw ones: Node's HTTP server
 * learns of a connection after the handshake only, so its own `closeAllConnections` misses those before.
 */
function trackConnections(server: Server) {
  const all = new Set<Socket>();
  /** Those on which no request has begun, by peer: a request names the socket above the raw one. */
  const unused = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    all.add(socket);
    unused.set(peer, socket);
    socket.once("close", () => {
      all.delete(socket);
      unused.delete(peer);
    });
  });
  server.on("request", ({ socket }) => unused.delete(peerOf(socket)));
  const cut = (sockets: Iterable<Socket>) => {
    for (const socket of sockets) socket.destroy();
  };
  return { cutAll: () => cut(all), cutUnused: () => cut(unused.values()) };
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** Problems for errors of Node's HTTP parser; any other error means that it is not HTTP. */
const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem("headers_too_large", "all headers together: 16 KiB"),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem("request_timeout", "the request did not end in time"),
};

const NOT_HTTP = new Problem("malformed_request", "this is no HTTP/1.1 request");

/** How long the client may take to read the response. */
const LINGER_MS = 5_000;

function respondToClientError(error: ConnectionError, socket: Socket): void {
  // Bytes after the invalid ones cause more errors; the response to the first is being sent.
  if (socket.writableEnded) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemDocumentOf(CLIENT_ERRORS[error.code] ?? NOT_HTTP);
  const body = JSON.stringify(problem);
  // Destroying the socket while bytes arrive would discard the response.
  const lingerTimer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(lingerTimer));
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

async function listen(server: Server, address: ListenerAddress): Promise<void> {
  const { host, port } = address;
  server.listen({ host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    throw listenError(error, address);
  }
}

function listenError(error: unknown, address: ListenerAddress): unknown {
  const { host, port, hostVariable, portVariable } = address;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    const message = `${host}:${port} is taken: stop what listens there, or set ${portVariable} to a free port; on one machine every process needs its own`;
    return new StartupError("port_in_use", message);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EACCES") {
    const message = `cannot listen on ${host}:${port} (${code}): see ${hostVariable}, ${portVariable}`;
    return new StartupError("configuration_invalid", message);
  }
  return error;
}

/** Where to listen, and the variables that set it, for error messages. */
export type ListenerAddress = Readonly<{
  host: string;
  port: number;
  hostVariable: string;
  portVariable: string;
}>;

/** The main address of the service. */
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

/** Whether only local programs reach the host. Of names, only `localhost` is certain. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? "ipv4" : "ipv6");
}

/**
 * How many files and connections this process may open; null where the system does not report it.
 */
export function openFilesMax(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

/**
 * Files reserved for everything besides the listener's connections: databases, threads, brokers,
 * modules.
 */
const RESERVED_FILES = 200;

/** The maximum number of connections that leaves enough files for everything else. */
function connectionsLimit(connectionsMax: number): number {
  const files = openFilesMax();
  return files === null
    ? connectionsMax
    : Math.max(1, Math.min(connectionsMax, files - RESERVED_FILES));
}
