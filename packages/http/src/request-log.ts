import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";

declare module "fastify" {
  interface FastifyRequest {
    /** Fields that a service adds to the log line of this request. */
    logged: Readonly<Record<string, unknown>> | undefined;
  }
}

/** Printable, without spaces, since it is used in headers, log lines and on the stream. */
const REQUEST_ID = /^[!-~]{1,128}$/;

export const REQUEST_ID_HEADER = "x-request-id";

/** The id that the request carries, if it is valid; else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers[REQUEST_ID_HEADER];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : newRequestId();
}

/** Random once per process: a random id per request would cost more than everything else here. */
const PROCESS_ID = randomBytes(9).toString("base64url");
let requestCount = 0;

function newRequestId(): string {
  requestCount += 1;
  return `${PROCESS_ID}.${requestCount.toString(36)}`;
}

/** The origin of a request, for every log line about it. */
export function originOf({ id, ip }: Pick<FastifyRequest, "id" | "ip">) {
  return { request_id: id, remote_address: ip } as const;
}

/** Adds the request id to every response, refusals included. */
export function sendRequestIds(app: FastifyInstance): void {
  app.addHook("onRequest", (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
}

const READ_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Logs one line per request: `info` if it may change something, `debug` if it only reads. The line has
 * the route's pattern and not the URL, which may contain anything. Lines of refused requests are
 * sampled, since any client can cause them.
 */
export function logRequests(
  app: FastifyInstance,
  { logger, log }: Readonly<{ logger: Logger; log: SampledLog }>,
): void {
  app.decorateRequest("logged");
  app.addHook("onResponse", (request, reply, done) => {
    done();
    const level = READ_METHODS.has(request.method) ? "debug" : "info";
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

/** The maximum number of lines of one kind per second. */
const LINES_PER_SECOND = 10;

/** Logs a line unless its kind has reached the limit of this second. There must be few kinds. */
export type SampledLog = (
  kind: string,
  level: "debug" | "info" | "warn" | "error",
  fields: Readonly<Record<string, unknown>>,
  message: string,
) => void;

/**
 * Samples log lines that any client can cause. The next logged line of a kind has in `left_out` how
 * many were not logged; metrics count all of them.
 */
export function sampleLog({
  logger,
  clock,
}: Readonly<{ logger: Logger; clock: Pick<Clock, "now"> }>): SampledLog {
  const kinds = new Map<string, { second: bigint; logged: number; omitted: number }>();
  return (kind, level, fields, message) => {
    const second = clock.now() / NANOS_PER_SECOND;
    const sample = kinds.get(kind) ?? { second, logged: 0, omitted: 0 };
    kinds.set(kind, sample);
    if (sample.second !== second) Object.assign(sample, { second, logged: 0 });
    if (sample.logged >= LINES_PER_SECOND) {
      sample.omitted += 1;
      return;
    }
    const { omitted } = sample;
    Object.assign(sample, { logged: sample.logged + 1, omitted: 0 });
    logger[level]({ ...fields, ...(omitted > 0 && { left_out: omitted }) }, message);
  };
}
