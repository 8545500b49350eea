import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem, sendProblem } from "./problem.ts";
import type { SampledLog } from "./sampled-log.ts";

export type TransferLimits = Readonly<{
  /** Of all bodies together that have not arrived whole. */
  bodyBytesMax: number;
  /** Of all answers together that have not been read whole. */
  answerBytesMax: number;
  /** From an answer's first byte to its last. */
  answerTimeoutMs: number;
}>;

/**
 * Bounds what clients make this process hold for them: bodies that they send by halves, answers
 * that they do not read. Where it becomes too much, the transfer that began first is cut: those of
 * honest clients are over within milliseconds, so the oldest is one that stalls. How long a body
 * may take is for the server's own time-outs to say.
 */
export function boundTransfers(
  app: FastifyInstance,
  { log, ...limits }: TransferLimits & Readonly<{ log: SampledLog }>,
): void {
  const bodies = createTransfers("body", limits.bodyBytesMax, log);
  const answers = createTransfers("answer", limits.answerBytesMax, log);
  app.addHook("preParsing", (request, reply, body, done) => {
    if (hasBody(request)) watchBody(bodies, request, reply);
    done(null, body);
  });
  app.addHook("onSend", (_request, reply, answer, done) => {
    watchAnswer(answers, reply, answer);
    done(null, answer);
  });
  const sweep = () => answers.cutOlderThan(limits.answerTimeoutMs);
  const sweeping = setInterval(sweep, Math.ceil(limits.answerTimeoutMs / 10)).unref();
  app.addHook("onClose", async () => clearInterval(sweeping));
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** A chunk takes more memory than its bytes. */
const CHUNK_OVERHEAD_BYTES = 256;

/** The parser listens in this same turn, so nothing flows past it. */
function watchBody(bodies: Transfers, request: FastifyRequest, reply: FastifyReply): void {
  const body = bodies.begin(() => {
    if (reply.sent) return request.raw.destroy();
    reply.raw.once("finish", () => request.raw.destroy());
    sendProblem(reply.header("connection", "close"), TOO_MUCH);
  });
  const { bodyLimit } = request.routeOptions;
  request.raw.on("data", (chunk: Buffer) => {
    // What is beyond the limit is read and thrown away.
    if (body.bytes <= bodyLimit) bodies.grow(body, chunk.length + CHUNK_OVERHEAD_BYTES);
  });
  request.raw.once("end", () => bodies.end(body));
  request.raw.once("close", () => bodies.end(body));
}

const TOO_MUCH = new Problem("overloaded", "too much is being sent at once, send it again later");

function watchAnswer(answers: Transfers, { raw }: FastifyReply, content: unknown): void {
  const answer = answers.begin(() => raw.destroy());
  raw.once("close", () => answers.end(answer));
  if (typeof content === "string" || Buffer.isBuffer(content)) {
    answers.grow(answer, Buffer.byteLength(content));
  }
}

type Transfer = { bytes: number; readonly startedMs: number; readonly cut: () => void };

type Transfers = ReturnType<typeof createTransfers>;

/** What is on its way in one direction. */
function createTransfers(what: string, bytesMax: number, log: SampledLog) {
  /** In the order of their beginning. */
  const present = new Set<Transfer>();
  let bytes = 0;

  function end(transfer: Transfer): void {
    if (present.delete(transfer)) bytes -= transfer.bytes;
  }

  function cut(transfer: Transfer, why: string): void {
    end(transfer);
    log(`${what} ${why}`, "warn", { what, why, bytes: transfer.bytes }, "transfer cut");
    transfer.cut();
  }

  return {
    begin(onCut: () => void): Transfer {
      const transfer = { bytes: 0, startedMs: performance.now(), cut: onCut };
      present.add(transfer);
      return transfer;
    },
    grow(transfer: Transfer, by: number): void {
      if (!present.has(transfer)) return;
      transfer.bytes += by;
      bytes += by;
      for (const oldest of present) {
        if (bytes <= bytesMax || present.size === 1) return;
        cut(oldest, "bytes");
      }
    },
    end,
    cutOlderThan(ms: number): void {
      const until = performance.now() - ms;
      for (const oldest of present) {
        if (oldest.startedMs > until) return;
        cut(oldest, "time");
      }
    },
  };
}
