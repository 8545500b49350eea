import { ERROR_CODES, type ErrorCode, problemDocument } from "@counterfoil/contracts/http";
import type { Needs } from "@counterfoil/http/operations";
import { PROBLEM_MEDIA_TYPE, Problem, sendProblem } from "@counterfoil/http/problem";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Caller } from "./access.ts";

/** What a route's handler is given, checked against its schemas. */
export type RouteRequest<Query, Params, Body = unknown, Headers = unknown> = Readonly<{
  method: string;
  query: Query;
  headers: Headers;
  params: Params;
  body: Body;
  caller: Caller;
  /** Aborts when the client has disconnected, or has the answer. */
  disconnected: () => AbortSignal;
}>;

type RouteDefinition<
  Query extends z.ZodType,
  Params extends z.ZodType,
  Body extends z.ZodType,
  Headers extends z.ZodType,
> = Readonly<{
  method?: "GET" | "POST";
  /** The name of its method in a client: never changed. */
  operation: string;
  url: string;
  tag: Tag;
  summary: string;
  description?: string;
  query: Query;
  headers?: Headers;
  params?: Params;
  body?: Body;
  status?: 200 | 202;
  /** Under `/v1` to read needs a reader's key, to change an operator's; elsewhere nothing. */
  needs?: Needs;
  /** It is about the ledger as a whole: for a platform's key there is no such resource. */
  isOfAll?: true;
  /** The answer's schema; with `mediaType` where it is not JSON. */
  answer: z.ZodType;
  mediaType?: string;
  /** Codes of the problems that it may answer, beside those of every route. */
  problems?: readonly ErrorCode[];
  handle: (
    request: RouteRequest<z.output<Query>, z.output<Params>, z.output<Body>, z.output<Headers>>,
    reply: FastifyReply,
  ) => Promise<unknown>;
}>;

/** A route as a value; `mountRoutes` puts a list of them into an application. */
export type Route = Readonly<{
  method: string;
  url: string;
  /** With `elsewhere`, that answers what the schemas let through. */
  mount: (app: FastifyInstance, elsewhere?: AnswerElsewhere) => void;
}>;

/** Answers a GET where it holds up nobody who is on this event loop. */
export type AnswerElsewhere = (question: Question) => Promise<ElsewhereAnswer>;
export type Question = Readonly<{ url: string; caller: Caller; requestId: string }>;
export type ElsewhereAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}>;

export const TAGS = {
  balances: "Balances per account, their history and the runs that made them",
  lifecycles: "Withdrawals, deposits and trades with their whole history",
  attention: "What needs a person",
  changes: "What changes, as it changes",
  stream: "The event stream itself",
  audit: "Signed heads of the stream, and proofs under them",
  operations: "How the service is doing",
} as const;
type Tag = keyof typeof TAGS;

/**
 * What a browser may keep. Answers about money and persons are kept nowhere; others are asked for
 * again each time, and answered 304 where nothing has changed.
 */
const CACHING: Readonly<Partial<Record<Tag, string>>> = {
  audit: "private, no-cache",
  operations: "private, no-cache",
};
const KEPT_NOWHERE = "no-store";

const COMMON: readonly ErrorCode[] = ["malformed_request", "invalid_query", "internal_error"];

const READING: readonly ErrorCode[] = [
  ...(["unauthenticated", "unknown_host", "rate_limited", "overloaded"] as const),
  "stream_unavailable",
];

/** What a route may answer because it needs a key. */
const KEYED: Readonly<Record<Exclude<Needs, null>, readonly ErrorCode[]>> = {
  reader: READING,
  operator: [...READING, "wrong_role", "foreign_origin"],
  metrics: ["unauthenticated", "wrong_role", "stream_unavailable"],
};

export const KEY_SCHEME = "apiKey";

export function route<
  Query extends z.ZodType,
  Params extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
  Headers extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<Query, Params, Body, Headers>): Route {
  const { method = "GET", operation, url, tag, summary, description } = definition;
  const { query, headers, params, body, isOfAll = false, handle } = definition;
  const needs = needsOf(definition);
  const schema = {
    operationId: operation,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    querystring: query,
    ...(headers === undefined ? {} : { headers }),
    ...(params === undefined ? {} : { params }),
    ...(body === undefined ? {} : { body }),
    security: needs === null ? [] : [{ [KEY_SCHEME]: [] }],
    response: responsesOf(definition, needs),
  };
  type Asked = Parameters<typeof handle>[0];
  type Checked = Pick<Asked, "query" | "headers" | "params" | "body">;
  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    const { caller, method } = request;
    if (isOfAll && caller.platform !== null) throw new Problem("not_found", OF_ALL);
    const { query, headers, params, body } = request as unknown as Checked;
    const checked = { query, headers, params, body };
    const disconnected = () => closeSignal(reply);
    return withLink(request, reply, handle({ ...checked, method, caller, disconnected }, reply));
  };
  return {
    method,
    url,
    mount: (app, elsewhere) => {
      const answer = elsewhere === undefined ? handler : passOn(elsewhere);
      const caching = CACHING[tag] ?? KEPT_NOWHERE;
      app.route({ method, url, schema, config: { needs, caching }, handler: answer });
    },
  };
}

/** The next page's address, beside the cursor in the body (RFC 8288). */
async function withLink(
  { url }: FastifyRequest,
  reply: FastifyReply,
  answer: Promise<unknown>,
): Promise<unknown> {
  const body = await answer;
  const { next_cursor } = Object(body) as Readonly<{ next_cursor?: unknown }>;
  if (typeof next_cursor !== "string" || body === reply) return body;
  const [path = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  parameters.set("cursor", next_cursor);
  reply.header("link", `<${path}?${parameters}>; rel="next"`);
  return body;
}

const OF_ALL = "this is of the ledger as a whole, and the key is a platform's";

function needsOf({ url, method = "GET", needs }: Pick<AnyDefinition, "url" | "method" | "needs">) {
  if (needs !== undefined) return needs;
  if (!url.startsWith("/v1/")) return null;
  return method === "GET" ? "reader" : "operator";
}

function passOn(elsewhere: AnswerElsewhere) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { url, caller, id: requestId } = request;
    const { status, headers, body } = await elsewhere({ url, caller, requestId });
    return reply.code(status).headers(headers).send(Buffer.from(body.buffer));
  };
}

function closeSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once("close", () => controller.abort());
  return controller.signal;
}

function responsesOf(
  { status = 200, answer, mediaType, problems = [] }: AnyDefinition,
  needs: Needs,
) {
  const content = { [mediaType ?? "application/json"]: { schema: answer } };
  const codes = new Set([...COMMON, ...(needs === null ? [] : KEYED[needs]), ...problems]);
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  const refusals = [...byStatus].map(([refusal, codes]) => [refusal, problemResponse(codes)]);
  return { [status]: { description: "The answer", content }, ...Object.fromEntries(refusals) };
}

type AnyDefinition = Pick<
  RouteDefinition<z.ZodType, z.ZodType, z.ZodType, z.ZodType>,
  "url" | "method" | "needs" | "status" | "answer" | "mediaType" | "problems"
>;

function problemResponse(codes: readonly ErrorCode[]) {
  const lines = codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`);
  return {
    description: lines.join("; "),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: problemDocument } },
  };
}

/** Puts the routes into an application, and beside each an answer to every other method. */
export function mountRoutes(
  app: FastifyInstance,
  routes: readonly Route[],
  elsewhere?: AnswerElsewhere,
): void {
  for (const { mount } of routes) mount(app, elsewhere);
  for (const [url, sharing] of Map.groupBy(routes, (each) => each.url)) {
    refuseOtherMethods(app, url, sharing);
  }
}

function refuseOtherMethods(app: FastifyInstance, url: string, routes: readonly Route[]): void {
  const own = routes.map(({ method }) => method);
  const allowed = own.includes("GET") ? [...own, "HEAD"] : own;
  const allow = allowed.join(", ");
  app.route({
    method: app.supportedMethods.filter((method) => !allowed.includes(method)),
    url,
    schema: { hide: true },
    // Before a body is read: it would be thrown away.
    onRequest: async (_request, reply) => {
      const problem = new Problem("method_not_allowed", `this resource takes ${allow}`);
      return sendProblem(reply.header("allow", allow), problem);
    },
    handler: async () => {},
  });
}
