import { ERROR_CODES, type ErrorCode } from "@counterfoil/contracts/error-code";
import { SchemaTooNew } from "@counterfoil/core/stream/read-event";
import {
  FormatTooNew,
  GenerationMissing,
  ModelCorrupted,
  ModelUnavailable,
  StreamCorrupted,
  StreamForked,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import { RebuildRunning } from "@counterfoil/processing/queries/rebuilds";
import { ModelNotServed } from "@counterfoil/processing/queries/serving";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { Problem, sendProblem } from "./problem.ts";
import { asQueryProblem } from "./query-problem.ts";

/** Every failure becomes a problem document, which says nothing of files, addresses or rows. */
export function answerFailures(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new Problem("not_found", `no resource has the address ${pathOf(request)}`)),
  );
  app.setErrorHandler((error, request, reply) => {
    const problem = asQueryProblem(error, request) ?? problemFrom(error);
    logFailure(logger, request, error, problem.code);
    return sendProblem(reply, problem);
  });
}

/** A refusal is the client's business; a failure of the service goes to the log whole. */
function logFailure(
  logger: Logger,
  { method, routeOptions }: FastifyRequest,
  error: unknown,
  code: ErrorCode,
): void {
  if (error instanceof Problem || ERROR_CODES[code].status < 500) return;
  const level = ERROR_CODES[code].status === 503 ? "warn" : "error";
  logger[level]({ method, route: routeOptions.url, code, err: error }, "request failed");
}

const pathOf = ({ url }: Readonly<{ url: string }>): string => url.split("?", 1)[0] ?? "";

const TOO_NEW = "a newer version of the program has written the data: run that version";

/** Errors of the engines. Their messages name files and addresses, which stay in the log. */
const ENGINE_PROBLEMS: readonly (readonly [abstract new () => Error, ErrorCode, string])[] = [
  [StreamUnavailable, "stream_unavailable", "the event stream cannot be read just now"],
  [
    StreamMissing,
    "stream_unavailable",
    "nothing was recorded yet: the first ingestor opens the ledger",
  ],
  [StreamCorrupted, "stream_corrupted", "the event stream needs a person: see the log"],
  [StreamForked, "stream_forked", "the event stream is not the one that was followed: see the log"],
  [ModelUnavailable, "model_unavailable", "the read model cannot be read just now"],
  [ModelCorrupted, "model_unavailable", "the read model has to be rebuilt"],
  [GenerationMissing, "model_unavailable", "the read model has not been built yet"],
  [FormatTooNew, "format_too_new", TOO_NEW],
  [SchemaTooNew, "format_too_new", TOO_NEW],
];

/** Errors of the HTTP layer by their code. */
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

function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RebuildRunning) return new Problem("rebuild_running", error.message);
  if (error instanceof ModelNotServed) return new Problem("model_unavailable", error.message);
  const engine = ENGINE_PROBLEMS.find(([kind]) => error instanceof kind);
  if (engine !== undefined) return new Problem(engine[1], engine[2]);
  const { code = "", statusCode } = error as { code?: string; statusCode?: number };
  const http = HTTP_PROBLEMS[code];
  if (http !== undefined) return new Problem(...http);
  if (statusCode === 400) return new Problem("malformed_request", "the request cannot be read");
  return new Problem("internal_error", "the request failed; the log says why");
}
