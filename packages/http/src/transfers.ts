import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem, sendProblem } from "./problem.ts";
import type { SampledLog } from "./request-log.ts";

export type TransferLimits = Readonly<{
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
export function boundTransfers(
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
