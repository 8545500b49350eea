import type { ErrorCode } from "@counterfoil/contracts/error-code";
import { SchemaTooNew } from "@counterfoil/core/stream/read-event";
import { type AsProblem, Problem, type ProblemDetails } from "@counterfoil/http/problem";
import { RebuildRunning } from "@counterfoil/processing/generations/rebuild";
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
import { ModelNotServed } from "@counterfoil/processing/queries/serving";
import type { FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

/** What the gateway makes of errors: of parameters, of queries, of the engines. */
export const asGatewayProblem: AsProblem = (error, request) =>
  queryProblemOf(error, request) ?? engineProblemOf(error);

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

function engineProblemOf(error: unknown): Problem | null {
  if (error instanceof RebuildRunning) return new Problem("rebuild_running", error.message);
  if (error instanceof ModelNotServed) return new Problem("model_unavailable", error.message);
  const engine = ENGINE_PROBLEMS.find(([kind]) => error instanceof kind);
  return engine === undefined ? null : new Problem(engine[1], engine[2]);
}

type ParameterError = NonNullable<ProblemDetails["errors"]>[number];

/** What is wrong with a request's parameters; null where the error is another one. */
function queryProblemOf(error: unknown, request: FastifyRequest): Problem | null {
  if (!hasZodFastifySchemaValidationErrors(error)) return null;
  const { validationContext } = error as { validationContext?: string };
  // A parameter of the path that no resource has: there is no such address.
  if (validationContext === "params") return new Problem("not_found", notFoundText(request));
  if (validationContext === "body") return new Problem("malformed_request", "no body is taken");
  const given = request.query as Readonly<Record<string, unknown>>;
  const wrong = error.validation.flatMap(({ instancePath, message: expected = "", params }) => {
    const { keys } = params as Readonly<{ keys?: readonly string[] }>;
    const isUnknown = keys !== undefined;
    return (keys ?? [instancePath.slice(1)]).map((parameter) => ({
      isUnknown,
      error: { parameter, found: foundText(given[parameter]), expected },
    }));
  });
  const errors = wrong.map((each) => each.error);
  return new Problem("invalid_query", wrong.map(wrongText).join("; "), { errors });
}

const FOUND_LENGTH_MAX = 200;

function foundText(value: unknown): string | null {
  if (value === undefined) return null;
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return text.length > FOUND_LENGTH_MAX ? `${text.slice(0, FOUND_LENGTH_MAX)}…` : text;
}

type Wrong = Readonly<{ isUnknown: boolean; error: ParameterError }>;

function wrongText({ isUnknown, error: { parameter, found, expected } }: Wrong): string {
  if (isUnknown) return `${parameter}: there is no such parameter, expected ${expected}`;
  return `${parameter}: found ${found === null ? "nothing" : `"${found}"`}, expected ${expected}`;
}

function notFoundText({ params }: FastifyRequest): string {
  const [[name = "", value = ""] = []] = Object.entries(params as Record<string, string>);
  return `there is no ${name} "${value}"`;
}
