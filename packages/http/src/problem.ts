import { ERROR_CODES, type ErrorCode, type ProblemDocument } from "@counterfoil/contracts/http";
import {
  FormatTooNew,
  StreamCorrupted,
  StreamForked,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { originOf, type SampledLog } from "./request-log.ts";

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** Additional members of some problems. */
export type ProblemDetails = Pick<ProblemDocument, "errors" | "candidates">;

/** A refused or failed request; the response is an RFC 9457 document. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ErrorCode;
  readonly details: ProblemDetails;

  constructor(code: ErrorCode, detail: string, details: ProblemDetails = {}) {
    super(detail);
    this.code = code;
    this.details = details;
  }
}

/** The document of a problem, as RFC 9457 describes it. */
export function problemDocumentOf({ code, message, details }: Problem): ProblemDocument {
  const { title, status } = ERROR_CODES[code];
  const type = `urn:counterfoil:problem:${code}`;
  return { type, title, status, detail: message, code, ...details };
}

/** An unavailable dependency may be back in a second. Clients with their own backoff ignore it. */
const RETRY_AFTER_SECONDS = 1;

/** Answers with a problem's document. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const document = problemDocumentOf(problem);
  if (document.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply.code(document.status).type(PROBLEM_MEDIA_TYPE).send(document);
}

/** Maps a service's own errors; null leaves an error to the common mapping. */
export type AsProblem = (error: unknown, request: FastifyRequest) => Problem | null;

/** Answers a request for an address that is no resource's; null leaves it to the problem document. */
export type AnswerMissing = (
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<FastifyReply> | null;

type FailureOptions = Readonly<{
  log: SampledLog;
  asProblem?: AsProblem | undefined;
  answerMissing?: AnswerMissing | undefined;
}>;

/** Turns every failure into a problem document, which reveals no files, addresses or rows. */
export function answerFailures(
  app: FastifyInstance,
  { log, asProblem, answerMissing }: FailureOptions,
): void {
  app.setNotFoundHandler(
    (request, reply) =>
      answerMissing?.(request, reply) ??
      sendProblem(
        reply,
        new Problem("not_found", `no resource has the address ${pathOf(request)}`),
      ),
  );
  app.setErrorHandler((error, request, reply) => {
    const problem = error instanceof Problem ? error : asProblem?.(error, request);
    const answered = problem ?? streamProblemOf(error) ?? httpProblemOf(error);
    logFailure(log, request, error, answered.code);
    return sendProblem(reply, answered);
  });
}

const TOO_NEW = "a newer version of the program has written the data: run that version";

/** Errors of the stream. Their own messages name files and addresses, so they are only logged. */
const STREAM_PROBLEMS: readonly (readonly [abstract new () => Error, ErrorCode, string])[] = [
  [StreamUnavailable, "stream_unavailable", "the event stream cannot be read just now"],
  [
    StreamMissing,
    "stream_unavailable",
    "nothing was recorded yet: the first ingestor opens the ledger",
  ],
  [StreamCorrupted, "stream_corrupted", "the event stream needs a person: see the log"],
  [StreamForked, "stream_forked", "the event stream is not the one that was followed: see the log"],
  [FormatTooNew, "format_too_new", TOO_NEW],
];

/** The problem of an error of the stream, which any listener can meet; null for any other error. */
export function streamProblemOf(error: unknown): Problem | null {
  const found = STREAM_PROBLEMS.find(([kind]) => error instanceof kind);
  return found === undefined ? null : new Problem(found[1], found[2]);
}

const pathOf = ({ url }: Readonly<{ url: string }>): string => url.split("?", 1)[0] ?? "";

/** Logs failures of the service in full. Refused requests are not logged here. */
function logFailure(
  log: SampledLog,
  request: FastifyRequest,
  error: unknown,
  code: ErrorCode,
): void {
  if (error instanceof Problem || ERROR_CODES[code].status < 500) return;
  const level = ERROR_CODES[code].status === 503 ? "warn" : "error";
  const { method, routeOptions } = request;
  const failure = { method, route: routeOptions.url, code, err: error };
  const stack = level === "error" ? { stack: framesOf(error) } : {};
  log(code, level, { ...originOf(request), ...failure, ...stack }, "request failed");
}

/** The stack frames of an error, without its message, which may quote the request. */
export function framesOf(error: unknown): readonly string[] {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim());
}

/** Escapes that follow one another, which are the bytes of characters, or a percent sign without one. */
const ESCAPES = /(?:%[0-9a-f]{2})+|%.{0,2}/gi;
const QUOTED_MAX = 30;

/** The problem of an address with a broken percent-encoding; null if it can be decoded. */
export function addressProblem(url: string): Problem | null {
  const broken = url.match(ESCAPES)?.find((escapes) => !isDecodable(escapes));
  if (broken === undefined) return null;
  return new Problem(
    "malformed_request",
    `the address cannot be read: found ${JSON.stringify(broken.slice(0, QUOTED_MAX))}, expected the bytes of UTF-8 text, each as % and two hex digits (%25 for a percent sign)`,
  );
}

function isDecodable(escapes: string): boolean {
  try {
    decodeURIComponent(escapes);
    return true;
  } catch {
    return false;
  }
}

/** Problems for Fastify's errors, by error code. */
const HTTP_PROBLEMS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ["payload_too_large", "the body is larger than is taken"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ["malformed_request", "no body of this content type is taken"],
  FST_ERR_CTP_EMPTY_JSON_BODY: ["malformed_request", "the body is announced as JSON and empty"],
  FST_ERR_CTP_INVALID_JSON_BODY: ["malformed_request", "the body is no JSON"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    "malformed_request",
    "the body has not the length announced",
  ],
};

function httpProblemOf(error: unknown): Problem {
  const { code = "", statusCode } = Object(error) as { code?: string; statusCode?: number };
  const known = HTTP_PROBLEMS[code];
  if (known !== undefined) return new Problem(...known);
  if (statusCode === 400) return new Problem("malformed_request", "the request cannot be read");
  return new Problem("internal_error", "the request failed; the log says why");
}
