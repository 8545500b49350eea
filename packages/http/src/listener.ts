import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import type { Config } from "@counterfoil/contracts/config";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { Logger } from "pino";
import {
  CONNECTION_LIMITS,
  type ConnectionLimits,
  createEarlyServer,
  type EarlyServer,
  type ListenerAddress,
  type TlsConfig,
} from "./early-server.ts";
import type { Readiness } from "./operations.ts";
import {
  type AnswerMissing,
  type AsProblem,
  addressProblem,
  answerFailures,
  Problem,
  sendProblem,
} from "./problem.ts";
import {
  logRequests,
  REQUEST_ID_HEADER,
  requestIdOf,
  type SampledLog,
  sampleLog,
  sendRequestIds,
} from "./request-log.ts";

type ListenerConfig = Pick<Config, "COUNTERFOIL_MAX_BODY_BYTES"> &
  Partial<Pick<Config, "COUNTERFOIL_TRUSTED_PROXIES">> &
  TlsConfig;

export type ListenerOptions = Readonly<{
  config: ListenerConfig;
  address: ListenerAddress;
  clock: Clock;
  logger: Logger;
  asProblem?: AsProblem;
  answerMissing?: AnswerMissing;
  /** Overrides of the default limits. */
  limits?: Partial<ListenerLimits>;
  /** A server that listens already. */
  earlyServer?: EarlyServer;
  /** While it drains, each connection is closed after its current response. */
  readiness?: Pick<Readiness, "isDraining">;
  /** Its requests come from another listener, which logs them. */
  isInner?: boolean;
}>;

/** Limits for slow or idle clients. */
export type ListenerLimits = TransferLimits & ConnectionLimits;

const LIMITS: ListenerLimits = {
  ...CONNECTION_LIMITS,
  answerTimeoutMs: 60_000,
  bodyBytesMax: 16 * 1024 * 1024,
  answerBytesMax: 16 * 1024 * 1024,
};

export type Listener = Readonly<{
  /** Accepts routes until it is started. */
  app: FastifyInstance;
  /**
   * Binds the address.
   *
   * @returns the address as a URL
   * @throws StartupError port_in_use, configuration_invalid
   */
  start: () => Promise<string>;
  /** Accepts nothing new; resolves when all current requests are answered, or aborted after 5 s. */
  stop: () => Promise<void>;
}>;

/**
 * An HTTP listener without routes: limits, problem documents, graceful shutdown.
 *
 * @throws StartupError configuration_invalid where its certificate cannot be used
 */
export function createListener(options: ListenerOptions): Listener {
  const { config, address, clock } = options;
  const bodyBytesMax = Math.max(LIMITS.bodyBytesMax, 4 * config.COUNTERFOIL_MAX_BODY_BYTES);
  const limits = { ...LIMITS, bodyBytesMax, ...options.limits };
  const log = sampleLog(options);
  const earlyServer = options.earlyServer ?? createEarlyServer({ config, address, limits, log });
  const { app, handle } = createApp(config, earlyServer);
  sendRequestIds(app);
  if (!options.isInner) logRequests(app, { ...options, log });
  answerFailures(app, { ...options, log });
  limitTransfers(app, { ...limits, log });
  closeConnectionsWhileDraining(app, options.readiness);
  closeConnectionsWhileStopping(app);
  // Not awaited: current requests are answered first, and other hooks like this end their waits.
  app.addHook("preClose", async () => void earlyServer.close());
  return {
    app,
    async start() {
      const url = await earlyServer.open();
      await app.ready();
      earlyServer.admit(handle);
      return url;
    },
    stop: () => close(app, earlyServer, clock),
  };
}

/** The application of an early server; it neither opens nor closes the server. */
function createApp(config: ListenerConfig, { server }: EarlyServer) {
  const { COUNTERFOIL_MAX_BODY_BYTES: bodyLimit, COUNTERFOIL_TRUSTED_PROXIES = [] } = config;
  let handle: RequestListener = () => {};
  const app = fastify({
    bodyLimit,
    requestIdHeader: false,
    genReqId: requestIdOf,
    // Proxy headers of any other peer are ignored.
    trustProxy: COUNTERFOIL_TRUSTED_PROXIES.length > 0 && [...COUNTERFOIL_TRUSTED_PROXIES],
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    serverFactory: (handler) => {
      handle = handler as RequestListener;
      return server;
    },
    // The early server responds to those.
    clientErrorHandler: () => {},
    // While closing, requests on open connections are still answered: refusing one may lose a webhook.
    return503OnClosing: false,
    frameworkErrors: (_error, { id, raw: { url = "" } }, reply) => {
      const unread = new Problem("malformed_request", "the address cannot be read");
      sendProblem(reply.header(REQUEST_ID_HEADER, id), addressProblem(url) ?? unread);
    },
  });
  return { app, handle };
}

/**
 * Opens a port before the application is ready, for a listener that gets it as `earlyServer`.
 *
 * @throws StartupError port_in_use, configuration_invalid
 */
export async function openEarlyServer(
  options: Omit<ListenerOptions, "limits" | "earlyServer">,
): Promise<EarlyServer> {
  const earlyServer = createEarlyServer({ ...options, limits: LIMITS, log: sampleLog(options) });
  await earlyServer.open();
  return earlyServer;
}

/**
 * Starts a listener.
 *
 * @returns its address
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

/** Providers choose ids, and each of their bytes may take nine in a URL. */
const PARAM_LENGTH_MAX = 8192;

/** How long a stop waits for current requests; an aborted client retries. */
const STOP_GRACE_MS = 5_000;

async function close(app: FastifyInstance, earlyServer: EarlyServer, clock: Clock): Promise<void> {
  const closed = new AbortController();
  // A closing server has no request timeout, so a stalled request would block it forever.
  const grace = clock.sleep(STOP_GRACE_MS, closed.signal);
  void grace.then(earlyServer.cutConnections);
  await app.close();
  await earlyServer.close();
  closed.abort();
}

/** A client that keeps its connection might send a request just as it is closed. */
function closeConnectionsWhileDraining(
  app: FastifyInstance,
  readiness: ListenerOptions["readiness"],
): void {
  if (readiness === undefined) return;
  app.addHook("onRequest", async (_request, reply) => {
    if (readiness.isDraining()) reply.header("connection", "close");
  });
}

/**
 * An idle connection whose last request ends after the stop began would delay it until the idle
 * timeout.
 */
function closeConnectionsWhileStopping(app: FastifyInstance): void {
  app.addHook("onResponse", async () => {
    if (!app.server.listening) setImmediate(() => app.server.closeIdleConnections());
  });
}

type TransferLimits = Readonly<{
  /** For all incomplete request bodies together. */
  bodyBytesMax: number;
  /** For all unread responses together. */
  answerBytesMax: number;
  /** A connection must finish reading at least one of its responses within this time. */
  answerTimeoutMs: number;
}>;

/**
 * Limits the memory that clients occupy with incomplete bodies and unread responses. Beyond the limit
 * the oldest transfer is aborted: transfers of honest clients end within milliseconds, so the oldest
 * one stalls. The server's own timeouts limit the duration of a body.
 */
function limitTransfers(
  app: FastifyInstance,
  { log, ...limits }: TransferLimits & Readonly<{ log: SampledLog }>,
): void {
  limitBodies(app, createTransfers("body", limits.bodyBytesMax, log));
  const answers = createTransfers("answer", limits.answerBytesMax, log);
  limitResponses(app, answers);
  const sweep = () => answers.cutOlderThan(limits.answerTimeoutMs);
  const sweepTimer = setInterval(sweep, Math.ceil(limits.answerTimeoutMs / 10)).unref();
  app.addHook("onClose", async () => clearInterval(sweepTimer));
}

const TOO_MUCH = new Problem("overloaded", "too much is on its way at once, try again later");

/** The memory that a chunk takes besides its bytes. */
const CHUNK_OVERHEAD_BYTES = 256;

function limitBodies(app: FastifyInstance, bodies: Transfers): void {
  app.addHook("preParsing", (request, reply, stream, done) => {
    if (hasBody(request)) watchBody(request, reply);
    // The parser attaches its listener in the same tick, so no chunk is missed.
    done(null, stream);
  });

  function watchBody({ raw, routeOptions }: FastifyRequest, reply: FastifyReply): void {
    const body = newTransfer(() => {
      if (reply.sent) return raw.destroy();
      reply.raw.once("finish", () => raw.destroy());
      sendProblem(reply.header("connection", "close"), TOO_MUCH);
    });
    raw.on("data", (chunk: Buffer) => {
      // Bytes beyond the limit are read and discarded.
      if (reply.sent || body.bytes > routeOptions.bodyLimit) return;
      bodies.add(body, chunk.length + CHUNK_OVERHEAD_BYTES);
    });
    raw.once("end", () => bodies.end(body)).once("close", () => bodies.end(body));
  }
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * How many requests a connection may send before it has read the first response. Beyond this it is
 * closed: refusing each request would hold 10 KB for every 45 bytes received.
 */
const UNANSWERED_MAX = 16;

/**
 * The memory of a response besides its content; the content of a stream is never in memory as a
 * whole.
 */
const RESPONSE_OVERHEAD_BYTES = 512;

/** The responses of a connection, which are produced and read one after another. */
type Connection = Transfer & { unanswered: number; readonly waiting: (() => void)[] };

function limitResponses(app: FastifyInstance, answers: Transfers): void {
  const connections = new WeakMap<Socket, Connection>();

  function connectionOf(socket: Socket) {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const connection = Object.assign(
      newTransfer(() => void socket.destroy()),
      { unanswered: 0, waiting: [] },
    );
    connections.set(socket, connection);
    socket.once("close", () => answers.end(connection));
    return connection;
  }

  app.addHook("onRequest", (request, reply, done) => {
    const { socket } = request.raw;
    // Further requests of a connection that was aborted are dropped with it.
    if (socket.destroyed) return;
    const connection = connectionOf(socket);
    connection.unanswered += 1;
    reply.raw.once("close", () => {
      connection.unanswered -= 1;
      if (!socket.destroyed) connection.waiting.shift()?.();
    });
    if (connection.unanswered === 1) done();
    else if (connection.unanswered <= UNANSWERED_MAX) connection.waiting.push(done);
    else answers.cut(connection, "requests");
  });
  app.addHook("onSend", (request, reply, content, done) => {
    const { socket } = request.raw;
    if (!socket.destroyed) {
      const connection = connectionOf(socket);
      const bytes = RESPONSE_OVERHEAD_BYTES + bytesOf(content);
      reply.raw.once("close", () => answers.release(connection, bytes));
      answers.add(connection, bytes);
    }
    done(null, content);
  });
}

function bytesOf(content: unknown): number {
  return typeof content === "string" || Buffer.isBuffer(content) ? Buffer.byteLength(content) : 0;
}

type Transfer = { bytes: number; startedMs: number; readonly cut: () => void };

const newTransfer = (cut: () => void): Transfer => ({ bytes: 0, startedMs: 0, cut });

type Transfers = ReturnType<typeof createTransfers>;

/** The current transfers in one direction. */
function createTransfers(what: string, bytesMax: number, log: SampledLog) {
  /** In the order of their start. */
  const current = new Set<Transfer>();
  let bytes = 0;

  function start(transfer: Transfer): void {
    transfer.startedMs = performance.now();
    current.add(transfer);
  }

  function end(transfer: Transfer): void {
    if (!current.delete(transfer)) return;
    bytes -= transfer.bytes;
    transfer.bytes = 0;
  }

  function cut(transfer: Transfer, why: string): void {
    log(`${what} ${why}`, "warn", { what, why, bytes: transfer.bytes }, "transfer cut");
    end(transfer);
    transfer.cut();
  }

  return {
    end,
    cut,
    add(transfer: Transfer, more: number): void {
      if (!current.has(transfer)) start(transfer);
      transfer.bytes += more;
      bytes += more;
      for (const oldest of current) {
        if (bytes <= bytesMax || current.size === 1) return;
        cut(oldest, "bytes");
      }
    },
    /** Records progress: part of the transfer is done, so it does not stall. */
    release(transfer: Transfer, done: number): void {
      if (!current.delete(transfer)) return;
      transfer.bytes -= done;
      bytes -= done;
      if (transfer.bytes > 0) start(transfer);
    },
    cutOlderThan(ms: number): void {
      const until = performance.now() - ms;
      for (const oldest of current) {
        if (oldest.startedMs > until) return;
        cut(oldest, "time");
      }
    },
  };
}
