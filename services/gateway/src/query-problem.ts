import type { FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { Problem, type ProblemDetails } from "./problem.ts";

type ParameterError = NonNullable<ProblemDetails["errors"]>[number];

/** What was wrong with a request's parameters; null where the error is another one. */
export function asQueryProblem(error: unknown, request: FastifyRequest): Problem | null {
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
