import { ERROR_CODES, type ErrorCode } from "@counterfoil/contracts/error-code";
import type { FastifyReply } from "fastify";

/** RFC 9457 problem details; `code` repeats the end of `type` for those who switch on it. */
export type Problem = Readonly<{
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
}>;

export const PROBLEM_MEDIA_TYPE = "application/problem+json; charset=utf-8";

export function problemOf(code: ErrorCode, detail: string): Problem {
  const { title, status } = ERROR_CODES[code];
  return { type: `urn:counterfoil:problem:${code}`, title, status, detail, code };
}

export function sendProblem(reply: FastifyReply, code: ErrorCode, detail: string): FastifyReply {
  const problem = problemOf(code, detail);
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(problem);
}
