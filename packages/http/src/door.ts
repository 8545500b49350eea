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

/** What a server gives those who do not keep up. */
export type DoorLimits = Readonly<{
  /** From the connection, or a request's first byte, to its last header: 408. */
  headersTimeoutMs: number;
  /** From a request's first byte to its last: 408. */
  requestTimeoutMs: number;
  /** A connection without any request: longer than proxies keep theirs, which would race it. */
  idleTimeoutMs: number;
  /** Beyond that a new connection is closed at once, and with it those that are idle. */
  connectionsMax: number;
}>;

export const DOOR_LIMITS: DoorLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 72_000,
  connectionsMax: 1_000,
};

export type DoorConfig = Partial<
  Pick<Config, "COUNTERFOIL_HTTP_TLS_CERT_FILE" | "COUNTERFOIL_HTTP_TLS_KEY_FILE">
>;

type DoorOptions = Readonly<{
  config: DoorConfig;
  address: ListenerAddress;
  limits: DoorLimits;
  log: SampledLog;
}>;

/**
 * A port and its server. It may be open long before there is anything to serve: a ledger that is
 * being opened, a server that is being waited for. Until then it says that the process is alive, and
 * that it is starting.
 */
export type Door = Readonly<{
  server: Server;
  /**
   * Listens, where it does not yet. @returns the address as a URL
   *
   * @throws StartupError port_in_use, configuration_invalid
   */
  open: () => Promise<string>;
  /** From now on requests go there. */
  admit: (handle: RequestListener) => void;
  /** Takes no new connection; resolves when the last one has ended. */
  close: () => Promise<void>;
}>;

/** @throws StartupError configuration_invalid where its certificate cannot be used */
export function createDoor(options: DoorOptions): Door {
  const { config, address, limits, log } = options;
  let handle: RequestListener = answerStarting;
  const server = serverOf(config, limits, (request, response) => handle(request, response));
  server.keepAliveTimeout = limits.idleTimeoutMs;
  server.requestTimeout = limits.requestTimeoutMs;
  server.on("clientError", answerClientError);
  boundConnections(server, limits, log);
  const scheme = tlsFilesOf(config) === null ? "http" : "https";
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
      // A server that never listened keeps a timer until it is closed, and says so by an error.
      closed ??= new Promise((resolve) => server.close(() => resolve()));
      return closed;
    },
  };
}

const STARTING = problemDocumentOf(new Problem("not_ready", "the service is starting"));

function answerStarting({ url }: IncomingMessage, response: ServerResponse): void {
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

function serverOf(config: DoorConfig, limits: DoorLimits, handle: RequestListener): Server {
  const { headersTimeoutMs } = limits;
  const options = {
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: Math.ceil(headersTimeoutMs / 10),
  };
  const files = tlsFilesOf(config);
  if (files === null) return createServer(options, handle);
  try {
    // A server of HTTPS does all that is asked of one of HTTP here.
    return createTlsServer({ ...options, ...files }, handle) as unknown as Server;
  } catch (error) {
    throw new StartupError(
      "configuration_invalid",
      `${TLS_FILES.join(", ")}: no certificate with its key (${(error as Error).message})`,
    );
  }
}

const TLS_FILES = ["COUNTERFOIL_HTTP_TLS_CERT_FILE", "COUNTERFOIL_HTTP_TLS_KEY_FILE"] as const;

/** @throws StartupError configuration_invalid where a file cannot be read */
function tlsFilesOf(config: DoorConfig): Readonly<{ cert: Buffer; key: Buffer }> | null {
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

function boundConnections(
  server: Server,
  { connectionsMax }: Pick<DoorLimits, "connectionsMax">,
  log: SampledLog,
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
    const message = `${host}:${port} is taken: stop what listens there or set ${portVariable}`;
    return new StartupError("port_in_use", message);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EACCES") {
    const message = `cannot listen on ${host}:${port} (${code}): see ${hostVariable}, ${portVariable}`;
    return new StartupError("configuration_invalid", message);
  }
  return error;
}

/** Where to listen, and the variables that say so, for the errors. */
export type ListenerAddress = Readonly<{
  host: string;
  port: number;
  hostVariable: string;
  portVariable: string;
}>;

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

/** How many files and connections this process may open; null where the system does not say. */
export function openFilesMax(): number | null {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

/** For everything beside the connections of a listener: databases, threads, brokers, modules. */
const OTHER_FILES = 200;

/** How many connections a listener may have, so that they leave files for the rest. */
function connectionsWithin(connectionsMax: number): number {
  const files = openFilesMax();
  return files === null
    ? connectionsMax
    : Math.max(1, Math.min(connectionsMax, files - OTHER_FILES));
}
