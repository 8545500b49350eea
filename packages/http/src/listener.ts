import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import type { Config } from "@counterfoil/contracts/config";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
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
  type SampledLog,
  sampleLog,
} from "./request-log.ts";

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

type TransferLimits = Readonly<{
  /** Of all bodies together that have not arrived whole. */
  bodyBytesMax: number;
  /** Of all answers together that have not been read whole. */
  answerBytesMax: number;
  /** Within this time an answer is read, or the next of those that the connection asked for. */
  answerTimeoutMs: number;
}>;

/**
 * Bounds what clients make this process hold for them: bodies that they send by halves, answers
 * that they ask for and do not read. Where it becomes too much, the transfer that began first is
 * cut: those of honest clients are over within milliseconds, so the oldest is one that stalls. How
 * long a body may take is for the server's own time-outs to say.
 */
function boundTransfers(
  app: FastifyInstance,
  { log, ...limits }: TransferLimits & Readonly<{ log: SampledLog }>,
): void {
  boundBodies(app, createTransfers("body", limits.bodyBytesMax, log));
  const answers = createTransfers("answer", limits.answerBytesMax, log);
  boundAnswers(app, answers);
  const sweep = () => answers.cutOlderThan(limits.answerTimeoutMs);
  const sweeping = setInterval(sweep, Math.ceil(limits.answerTimeoutMs / 10)).unref();
  app.addHook("onClose", async () => clearInterval(sweeping));
}

const TOO_MUCH = new Problem("overloaded", "too much is on its way at once, try again later");

/** A chunk takes more memory than its bytes. */
const CHUNK_OVERHEAD_BYTES = 256;

function boundBodies(app: FastifyInstance, bodies: Transfers): void {
  app.addHook("preParsing", (request, reply, stream, done) => {
    if (hasBody(request)) watchBody(request, reply);
    // The parser listens in this same turn, so nothing flows past it.
    done(null, stream);
  });

  function watchBody({ raw, routeOptions }: FastifyRequest, reply: FastifyReply): void {
    const body = newTransfer(() => {
      if (reply.sent) return raw.destroy();
      reply.raw.once("finish", () => raw.destroy());
      sendProblem(reply.header("connection", "close"), TOO_MUCH);
    });
    raw.on("data", (chunk: Buffer) => {
      // What is beyond the limit is read and thrown away.
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
 * Requests that one connection may send before it has read the first answer. Whoever sends more is
 * cut: answering each with a refusal would hold 10 KB for every 45 bytes that came.
 */
const UNANSWERED_MAX = 16;

/** What an answer takes beside its content; that of a stream is never in memory whole. */
const ANSWER_OVERHEAD_BYTES = 512;

/** A connection's answers, of which one is made and read after the other. */
type Connection = Transfer & { unanswered: number; readonly waiting: (() => void)[] };

function boundAnswers(app: FastifyInstance, answers: Transfers): void {
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
    // What else came with the bytes that got it cut is not answered, and forgotten with it.
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
      const bytes = ANSWER_OVERHEAD_BYTES + bytesOf(content);
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

/** What is on its way in one direction. */
function createTransfers(what: string, bytesMax: number, log: SampledLog) {
  /** In the order of their beginning. */
  const present = new Set<Transfer>();
  let bytes = 0;

  function begin(transfer: Transfer): void {
    transfer.startedMs = performance.now();
    present.add(transfer);
  }

  function end(transfer: Transfer): void {
    if (!present.delete(transfer)) return;
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
      if (!present.has(transfer)) begin(transfer);
      transfer.bytes += more;
      bytes += more;
      for (const oldest of present) {
        if (bytes <= bytesMax || present.size === 1) return;
        cut(oldest, "bytes");
      }
    },
    /** A part of it is through: it does not stall. */
    release(transfer: Transfer, through: number): void {
      if (!present.delete(transfer)) return;
      transfer.bytes -= through;
      bytes -= through;
      if (transfer.bytes > 0) begin(transfer);
    },
    cutOlderThan(ms: number): void {
      const until = performance.now() - ms;
      for (const oldest of present) {
        if (oldest.startedMs > until) return;
        cut(oldest, "time");
      }
    },
  };
}
