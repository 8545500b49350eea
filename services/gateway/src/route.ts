import { ERROR_CODES, type ErrorCode, problemDocument } from "@counterfoil/contracts/http";
import type { Needs } from "@counterfoil/http/operations";
import { PROBLEM_MEDIA_TYPE, Problem, sendProblem } from "@counterfoil/http/problem";
import { type Clock, withTimeout } from "@counterfoil/processing/ports/clock";
import { ModelUnavailable, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Caller } from "./access.ts";

/** A request, validated against the route's schemas. */
export type RouteRequest<Query, Params, Body = unknown, Headers = unknown> = Readonly<{
  method: string;
  query: Query;
  headers: Headers;
  params: Params;
  body: Body;
  caller: Caller;
  /** Aborts when the client has disconnected, or has received the answer. */
  disconnected: () => AbortSignal;
}>;

type RouteDefinition<
  Query extends z.ZodType,
  Params extends z.ZodType,
  Body extends z.ZodType,
  Headers extends z.ZodType,
> = Readonly<{
  method?: "GET" | "POST";
  /** The name of the method in a client; it must never change. */
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
  /** Default: under `/v1` a reader's key for GET, an operator's otherwise; no key for other paths. */
  needs?: Needs;
  /** The resource is about the whole ledger, and does not exist for a platform's key. */
  isLedgerWide?: true;
  /**
   * The answer holds nothing about money or persons: a reader may keep it, and is answered with 304 if
   * nothing has changed. Other answers are never cached.
   */
  isRevalidated?: true;
  /** Its answer may take longer than that of other reading routes: it reads or computes very much. */
  mayBeLong?: true;
  /** The answer's schema; with `mediaType` if it is not JSON. */
  answer: z.ZodType;
  mediaType?: string;
  /** Codes of the problems that it may answer, besides those of every route. */
  problems?: readonly ErrorCode[];
  handle: (
    request: RouteRequest<z.output<Query>, z.output<Params>, z.output<Body>, z.output<Headers>>,
    reply: FastifyReply,
  ) => Promise<unknown>;
}>;

/** A route as a value; `mountRoutes` adds a list of them to an application. */
export type Route = Readonly<{
  method: string;
  url: string;
  mount: (app: FastifyInstance, options: MountOptions) => void;
}>;

type MountOptions = Readonly<{
  clock: Pick<Clock, "sleep">;
  /** Valid requests are forwarded instead of handled here. */
  forward?: ForwardRequest | undefined;
}>;

/** Answers a GET on another thread, where it does not delay this event loop. */
export type ForwardRequest = (question: ForwardedRequest) => Promise<ForwardedAnswer>;
export type ForwardedRequest = Readonly<{ url: string; caller: Caller; requestId: string }>;
export type ForwardedAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}>;

export const TAGS = {
  balances: "Balances per account, their history and the runs that made them",
  lifecycles: "Withdrawals, deposits and trades with their whole history",
  attention: "Anomalies and quarantined deliveries, which need a person",
  changes: "Changes of the read models, as they happen",
  stream: "The event stream itself",
  audit: "Signed heads of the stream, and proofs under them",
  operations: "Status of the service, rebuilds, health and metrics",
} as const;
type Tag = keyof typeof TAGS;

/** `Cache-Control` of answers: kept nowhere, or kept by the reader alone and revalidated each time. */
const NEVER_CACHED = "no-store";
const REVALIDATED = "private, no-cache";

const COMMON_PROBLEMS: readonly ErrorCode[] = [
  "malformed_request",
  "invalid_query",
  "internal_error",
];

const READER_PROBLEMS: readonly ErrorCode[] = [
  ...(["unauthenticated", "unknown_host", "rate_limited", "overloaded"] as const),
  "stream_unavailable",
];

/** The problems that a route may answer because it needs a key. */
const ACCESS_PROBLEMS: Readonly<Record<Exclude<Needs, null>, readonly ErrorCode[]>> = {
  reader: READER_PROBLEMS,
  operator: [...READER_PROBLEMS, "wrong_role", "foreign_origin"],
  metrics: ["unauthenticated", "wrong_role", "stream_unavailable"],
};

export const KEY_SCHEME = "apiKey";

/** Defines a route from its schemas and its handler. */
export function route<
  Query extends z.ZodType,
  Params extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
  Headers extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<Query, Params, Body, Headers>): Route {
  const { method = "GET", operation, url, tag, summary, description } = definition;
  const { query, headers, params, body, isLedgerWide = false, handle } = definition;
  const caching = definition.isRevalidated ? REVALIDATED : NEVER_CACHED;
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
  type Handled = Parameters<typeof handle>[0];
  type Validated = Pick<Handled, "query" | "headers" | "params" | "body">;
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const { caller, method } = request;
    if (isLedgerWide && caller.platform !== null) throw new Problem("not_found", LEDGER_WIDE);
    const { query, headers, params, body } = request as unknown as Validated;
    const validated = { query, headers, params, body };
    const disconnected = closeSignalOf(reply);
    return withLink(request, reply, handle({ ...validated, method, caller, disconnected }, reply));
  };
  return {
    method,
    url,
    mount: (app, { clock, forward }) => {
      const answer = forward === undefined ? handler : createForwardingHandler(forward);
      const limited = isLimited(definition) ? limitTime(answer, definition, clock) : answer;
      app.route({ method, url, schema, config: { needs, caching }, handler: limited });
    },
  };
}

/**
 * How long a reading request may take. It may read one thing after the other, each with a timeout of its
 * own, and a database that does not answer would hold it for their sum.
 */
const ANSWER_MS_MAX = 20_000;

const isLimited = ({ method = "GET", url, mayBeLong }: AnyDefinition): boolean =>
  method === "GET" && url.startsWith("/v1/") && mayBeLong !== true;

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** What is still read when the time is over ends by its own timeouts. */
function limitTime(
  handler: Handler,
  { problems = [] }: AnyDefinition,
  clock: MountOptions["clock"],
): Handler {
  const Unavailable = problems.includes("model_unavailable") ? ModelUnavailable : StreamUnavailable;
  const late = () => {
    throw new Unavailable(
      `what is stored was not read within ${ANSWER_MS_MAX / 1000} s: look after the database and its load`,
    );
  };
  return async (request, reply) => {
    // It may have waited for the caller's key.
    const ms = Math.max(0, ANSWER_MS_MAX - reply.elapsedTime);
    return withTimeout(handler(request, reply), { ms, late }, clock);
  };
}

/** Adds the `Link` header with the next page's address (RFC 8288), if the body has a cursor. */
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

const LEDGER_WIDE = "this is of the ledger as a whole, and the key is a platform's";

function needsOf({ url, method = "GET", needs }: Pick<AnyDefinition, "url" | "method" | "needs">) {
  if (needs !== undefined) return needs;
  if (!url.startsWith("/v1/")) return null;
  return method === "GET" ? "reader" : "operator";
}

function createForwardingHandler(forward: ForwardRequest) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { url, caller, id: requestId } = request;
    const { status, headers, body } = await forward({ url, caller, requestId });
    return reply.code(status).headers(headers).send(Buffer.from(body.buffer));
  };
}

/** One signal for all that a request waits for, one model after the other; most wait for nothing. */
function closeSignalOf({ raw }: FastifyReply): () => AbortSignal {
  let signal: AbortSignal | null = null;
  return () => {
    if (signal !== null) return signal;
    const controller = new AbortController();
    if (raw.destroyed) controller.abort();
    else raw.once("close", () => controller.abort());
    signal = controller.signal;
    return signal;
  };
}

function responsesOf(
  { status = 200, answer, mediaType, problems = [] }: AnyDefinition,
  needs: Needs,
) {
  const content = { [mediaType ?? "application/json"]: { schema: answer } };
  const accessProblems = needs === null ? [] : ACCESS_PROBLEMS[needs];
  const codes = new Set([...COMMON_PROBLEMS, ...accessProblems, ...problems]);
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  const responses = [...byStatus].map(([status, codes]) => [status, problemResponse(codes)]);
  return { [status]: { description: "The answer", content }, ...Object.fromEntries(responses) };
}

type AnyDefinition = Pick<
  RouteDefinition<z.ZodType, z.ZodType, z.ZodType, z.ZodType>,
  "url" | "method" | "needs" | "status" | "answer" | "mediaType" | "problems" | "mayBeLong"
>;

function problemResponse(codes: readonly ErrorCode[]) {
  const lines = codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`);
  return {
    description: lines.join("; "),
    content: { [PROBLEM_MEDIA_TYPE]: { schema: problemDocument } },
  };
}

/** Adds the routes to an application; other methods on their URLs are answered with 405. */
export function mountRoutes(
  app: FastifyInstance,
  routes: readonly Route[],
  options: MountOptions,
): void {
  for (const { mount } of routes) mount(app, options);
  for (const [url, sameUrl] of Map.groupBy(routes, (each) => each.url)) {
    refuseOtherMethods(app, url, sameUrl);
  }
}

function refuseOtherMethods(app: FastifyInstance, url: string, routes: readonly Route[]): void {
  const methods = routes.map(({ method }) => method);
  const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  const allow = allowed.join(", ");
  app.route({
    method: app.supportedMethods.filter((method) => !allowed.includes(method)),
    url,
    schema: { hide: true },
    // Answered before the body is read, since it is not needed.
    onRequest: async (_request, reply) => {
      const problem = new Problem("method_not_allowed", `this resource takes ${allow}`);
      return sendProblem(reply.header("allow", allow), problem);
    },
    handler: async () => {},
  });
}
