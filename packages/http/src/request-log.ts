import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";

declare module "fastify" {
  interface FastifyRequest {
    /** What a service adds to the line that the log gets of this request. */
    logged: Readonly<Record<string, unknown>> | undefined;
  }
}

/** Printable, without spaces: it stands in headers, in log lines and on the stream. */
const REQUEST_ID = /^[!-~]{1,128}$/;

export const REQUEST_ID_HEADER = "x-request-id";

/** The id that a request brings, where it is fit to be repeated; else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers[REQUEST_ID_HEADER];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : newRequestId();
}

/** Random once for a process: a random id for each request costs more than all else here. */
const PROCESS = randomBytes(9).toString("base64url");
let made = 0;

function newRequestId(): string {
  made += 1;
  return `${PROCESS}.${made.toString(36)}`;
}

/** Who asks, on every line that is about a request. */
export function originOf({ id, ip }: Pick<FastifyRequest, "id" | "ip">) {
  return { request_id: id, remote_address: ip } as const;
}

/** Every answer names its request, refusals among them. */
export function answerRequestIds(app: FastifyInstance): void {
  app.addHook("onRequest", (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
}

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * One line for each request: `info` for what may change something, `debug` for what reads. It holds
 * the route's pattern and no address: an address may hold anything. A stranger may be refused as often
 * as he likes, so lines of refusals are sampled.
 */
export function logRequests(
  app: FastifyInstance,
  { logger, log }: Readonly<{ logger: Logger; log: SampledLog }>,
): void {
  app.decorateRequest("logged");
  app.addHook("onResponse", (request, reply, done) => {
    done();
    const level = READING.has(request.method) ? "debug" : "info";
    if (!logger.isLevelEnabled(level)) return;
    const fields = lineOf(request, reply);
    if (reply.statusCode < 400) logger[level](fields, "request");
    else log(`request ${reply.statusCode}`, level, fields, "request");
  });
}

function lineOf(request: FastifyRequest, reply: FastifyReply) {
  return {
    ...originOf(request),
    method: request.method,
    route: request.routeOptions.url ?? "none",
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ...request.logged,
  };
}

const NANOS_PER_SECOND = 1_000_000_000n;

/** Lines of one kind that are logged within a second. */
const LINES_PER_SECOND = 10;

/** Logs a line, unless its kind has had its lines of this second. There must be few kinds. */
export type SampledLog = (
  kind: string,
  level: "debug" | "info" | "warn" | "error",
  fields: Readonly<Record<string, unknown>>,
  message: string,
) => void;

/**
 * For what a stranger can bring about as often as he likes. The first line of a kind that follows
 * says in `left_out` how many were not logged; metrics count them all.
 */
export function sampleLog({
  logger,
  clock,
}: Readonly<{ logger: Logger; clock: Pick<Clock, "now"> }>): SampledLog {
  const kinds = new Map<string, { second: bigint; logged: number; leftOut: number }>();
  return (kind, level, fields, message) => {
    const second = clock.now() / NANOS_PER_SECOND;
    const sample = kinds.get(kind) ?? { second, logged: 0, leftOut: 0 };
    kinds.set(kind, sample);
    if (sample.second !== second) Object.assign(sample, { second, logged: 0 });
    if (sample.logged >= LINES_PER_SECOND) {
      sample.leftOut += 1;
      return;
    }
    const { leftOut } = sample;
    Object.assign(sample, { logged: sample.logged + 1, leftOut: 0 });
    logger[level]({ ...fields, ...(leftOut > 0 && { left_out: leftOut }) }, message);
  };
}
