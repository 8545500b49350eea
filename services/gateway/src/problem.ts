import { ERROR_CODES, type ErrorCode } from "@counterfoil/contracts/error-code";
import type { ProblemDocument } from "@counterfoil/contracts/http";
import type { FastifyReply } from "fastify";

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** Members that some problems have beside those of every problem. */
export type ProblemDetails = Pick<ProblemDocument, "errors" | "candidates">;

/** Why a request is refused or failed. */
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

export function problemDocumentOf({ code, message, details }: Problem): ProblemDocument {
  const { title, status } = ERROR_CODES[code];
  const type = `urn:counterfoil:problem:${code}`;
  return { type, title, status, detail: message, code, ...details };
}

const RETRY_AFTER_SECONDS = 1;

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const document = problemDocumentOf(problem);
  if (document.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply.code(document.status).type(PROBLEM_MEDIA_TYPE).send(document);
}
