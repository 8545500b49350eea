import {
  ERROR_CODES,
  type ErrorCode,
  listOf,
  oneOf,
  problemDocument,
} from "@counterfoil/contracts/http";
import { expect } from "@jest/globals";
import type { z } from "zod";
import type { Answer } from "./test-gateway.ts";

/** A problem document as RFC 9457 and our contract have it, with its code and its status. */
export function expectProblem({ status, body, headers }: Answer, code: ErrorCode): void {
  expect(body).toMatchObject({ code, type: `urn:counterfoil:problem:${code}` });
  expect(status).toBe(ERROR_CODES[code].status);
  expect(body.status).toBe(status);
  expect(body.title).toBe(ERROR_CODES[code].title);
  expect(headers["content-type"]).toMatch(/^application\/problem\+json/);
  expect(problemDocument.parse(body)).toEqual(body);
  // The wait of a rate-limited caller varies.
  if (status !== 429) expect(headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
}

/** Expects a list of records, each with exactly the fields of its schema. */
export function expectList({ status, body }: Answer, record: z.ZodType): void {
  expect({ status, problem: body.detail }).toEqual({ status: 200, problem: undefined });
  expect(listOf(record).parse(body)).toEqual(body);
}

export function expectOne({ status, body }: Answer, record: z.ZodType): void {
  expect({ status, problem: body.detail }).toEqual({ status: 200, problem: undefined });
  expect(oneOf(record).parse(body)).toEqual(body);
}
