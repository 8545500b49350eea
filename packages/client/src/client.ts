import { type Change, followChanges, type GoneRecord } from "./changes.ts";
import type { components, operations } from "./generated/openapi.ts";
import { OPERATIONS } from "./generated/operations.ts";

export type { Change, components, GoneRecord, operations };

export type ClientOptions = Readonly<{
  /** Of the gateway, such as `http://127.0.0.1:8080`. */
  baseUrl: string;
  /** An API key; it goes as `Authorization: Bearer …` and nowhere else. */
  key?: string;
  /** Asks instead of the global `fetch`. */
  fetch?: typeof fetch;
}>;

/** Beside an operation's own parameters. */
export type RequestOptions = Readonly<{
  signal?: AbortSignal;
  /** Of `streamChanges`: hears when its connection was made, and when it has ended. */
  onConnection?: (isConnected: boolean) => void;
}>;

export type OperationId = keyof operations & keyof typeof OPERATIONS;

/** An operation's parameters, those of the path and of the query together, and its `body`. */
export type ParametersOf<Id extends OperationId> = Fields<operations[Id], "path"> &
  Fields<operations[Id], "query"> &
  BodyOf<operations[Id]>;

/** What an operation answers: JSON as it is written, text, or bytes. */
export type AnswerOf<Id extends OperationId> = Content<Success<operations[Id]>>;

/**
 * One method an operation. A list's answers are its first page where they are awaited, and all pages
 * in a loop:
 *
 *     const { data } = await client.listBalances({ asset: "BTC", limit: 10 });
 *     for await (const { data } of client.listBalances({ asset: "BTC" })) …
 *
 * `streamChanges` is a loop too, over every change as it happens; it goes on by itself where its
 * connection ends:
 *
 *     for await (const { id, event, data } of client.streamChanges({ model: ["balances"] })) …
 *
 * Each rejects with a `ProblemError` where the service refuses, with what `fetch` throws where it
 * cannot be reached.
 */
export type Client = Readonly<{
  [Id in OperationId]: (
    ...given: Given<Id>
  ) => Id extends "streamChanges"
    ? AsyncIterable<Change>
    : AnswerOf<Id> extends Page
      ? Pages<AnswerOf<Id>>
      : Promise<AnswerOf<Id>>;
}>;

/** One page where it is awaited, and in a loop this one and all that follow. */
export interface Pages<One> extends PromiseLike<One>, AsyncIterable<One> {}

type Page = Readonly<{ data: readonly unknown[]; next_cursor: string | null }>;

/** The problem document (RFC 9457) that a service refused with. */
export type ProblemDocument = components["schemas"]["Problem"];

export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  /** Stable, such as `not_found`; null where the answer was not the service's own. */
  readonly code: string | null;
  readonly problem: ProblemDocument | null;

  constructor(status: number, problem: ProblemDocument | null) {
    super(problem === null ? `HTTP ${status}` : `${problem.code}: ${problem.detail}`);
    this.status = status;
    this.code = problem?.code ?? null;
    this.problem = problem;
  }
}

/** @throws TypeError where `baseUrl` is no URL */
export function createClient(options: ClientOptions): Client {
  const ask = createAsk(options);
  const methods = Object.entries(OPERATIONS).map(([id, { media }]) => [
    id,
    (parameters: Parameters = {}, request: RequestOptions = {}) => {
      const askOne = (given: Parameters, more: AskOptions) =>
        ask(id as OperationId, given, { ...request, ...more });
      return media === "text/event-stream"
        ? followChanges(parameters, { ...request, ask: askOne, isFinal })
        : pagesOf(parameters, async (page) => contentOf(await askOne(page, {}), media));
    },
  ]);
  return Object.fromEntries(methods) as Client;
}

/** Asking again would be answered the same. */
const isFinal = (error: unknown): boolean =>
  error instanceof ProblemError && error.status < 500 && error.status !== 429;

type Parameters = Readonly<Record<string, unknown>>;
type AskOptions = Readonly<{
  signal?: AbortSignal;
  headers?: Readonly<Record<string, string>>;
}>;

function createAsk({ baseUrl, key, fetch: ask = fetch }: ClientOptions) {
  const base = new URL(baseUrl).href.replace(/\/+$/, "");
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return async (id: OperationId, parameters: Parameters, { signal, headers }: AskOptions) => {
    const { method, ...operation } = OPERATIONS[id];
    const { path, rest } = pathOf(operation.path, parameters);
    const { body, ...named } = rest;
    const hasBody = "body" in operation;
    const query = queryOf(hasBody ? named : rest);
    const response = await ask(`${base}${path}${query}`, {
      method,
      headers: {
        ...authorization,
        ...headers,
        ...(hasBody && { "content-type": "application/json" }),
      },
      ...(hasBody && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (!response.ok) throw new ProblemError(response.status, await problemOf(response));
    return response;
  };
}

async function contentOf(response: Response, media: string): Promise<unknown> {
  if (media === "application/json") return response.json();
  return media.startsWith("text/") ? response.text() : new Uint8Array(await response.arrayBuffer());
}

function pathOf(template: string, parameters: Parameters) {
  const rest = { ...parameters };
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name];
    delete rest[name];
    if (value === undefined) throw new TypeError(`the parameter ${name} is missing`);
    return encodeURIComponent(String(value));
  });
  return { path, rest };
}

/** Several values of a parameter are the parameter repeated. */
function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) query.append(name, String(one));
    }
  }
  return query.size === 0 ? "" : `?${query}`;
}

/** Whatever stands between may answer too, and in another language. */
async function problemOf(response: Response): Promise<ProblemDocument | null> {
  const body: unknown = await response.json().catch(() => null);
  const { code } = Object(body) as Partial<ProblemDocument>;
  return typeof code === "string" ? (body as ProblemDocument) : null;
}

function pagesOf(
  parameters: Parameters,
  askPage: (parameters: Parameters) => Promise<unknown>,
): Pages<unknown> {
  let first: Promise<unknown> | null = null;
  const askFirst = () => {
    first ??= askPage(parameters);
    return first;
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: awaited, it is its first page.
    then: (onAnswer, onRefusal) => askFirst().then(onAnswer, onRefusal),
    async *[Symbol.asyncIterator]() {
      let page = (await askFirst()) as Partial<Page>;
      yield page;
      while (typeof page.next_cursor === "string") {
        page = (await askPage({ ...parameters, cursor: page.next_cursor })) as Partial<Page>;
        yield page;
      }
    },
  };
}

type Given<Id extends OperationId> =
  Record<never, never> extends ParametersOf<Id>
    ? [parameters?: ParametersOf<Id>, options?: RequestOptions]
    : [parameters: ParametersOf<Id>, options?: RequestOptions];

type Fields<Operation, Where extends string> = Operation extends {
  parameters: Record<Where, infer Named>;
}
  ? Named
  : Operation extends { parameters: Partial<Record<Where, infer Named>> }
    ? Exclude<Named, undefined> extends never
      ? unknown
      : Exclude<Named, undefined>
    : unknown;

type BodyOf<Operation> = Operation extends {
  requestBody: { content: { "application/json": infer Body } };
}
  ? Readonly<{ body: Body }>
  : unknown;

type Success<Operation> = Operation extends { responses: infer Responses }
  ? Responses[Extract<keyof Responses, 200 | 201 | 202>]
  : never;

type Content<Response> = Response extends { content: infer Media }
  ? Media extends { "application/json": infer Json }
    ? Json
    : Media extends { "application/octet-stream": unknown }
      ? Uint8Array
      : string
  : never;
