import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { components, operations } from "./generated/openapi.ts";
import { OPERATIONS } from "./generated/operations.ts";

export type { components, operations };

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

type Schemas = components["schemas"];
type Records = {
  balances: Schemas["Balance"];
  withdrawals: Schemas["Withdrawal"];
  deposits: Schemas["Deposit"];
  trades: Schemas["Trade"];
  anomalies: Schemas["Anomaly"] & Readonly<{ position: string }>;
};
type Model = "balances" | "withdrawals" | "deposits" | "trades";

/** There is no record of this id any more. */
export type GoneRecord = Readonly<{ id: string; position: string; gone: true }>;

/** `id`: whoever goes on behind it, misses and repeats nothing; null where it is none of its own. */
export type Change =
  | {
      [Event in keyof Records]: Readonly<{
        id: string;
        event: Event;
        data: Records[Event] | GoneRecord;
      }>;
    }[keyof Records]
  /** Everything that is known of the model is to be read anew. */
  | Readonly<{
      id: string | null;
      event: "reset";
      data: Readonly<{
        model: Model;
        position: string;
        generation: number | null;
        model_version: number | null;
      }>;
    }>
  /** The model's changes come later than those of the others, or with them again. */
  | Readonly<{
      id: string | null;
      event: "state";
      data: Readonly<{ model: Model; state: "behind" | "current"; position: string }>;
    }>;

type Ask = (
  parameters: Parameters,
  options: Readonly<{ headers: Readonly<Record<string, string>>; signal: AbortSignal }>,
) => Promise<Response>;

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
/** The service says something every 15 s; a connection without that has ended, and nobody said so. */
const SILENCE_MS = 45_000;

/**
 * Changes in a loop, for as long as it goes on. Where a connection ends it is made again, and goes on
 * behind the last change that the loop was given.
 *
 * @param isFinal whether what `ask` threw would be thrown again
 * @throws what is final; the signal's reason
 */
export async function* followChanges(
  { "last-event-id": given, ...parameters }: Parameters,
  {
    ask,
    isFinal,
    signal,
    onConnection,
  }: Readonly<{
    ask: Ask;
    isFinal: (error: unknown) => boolean;
    signal?: AbortSignal;
    onConnection?: (isConnected: boolean) => void;
  }>,
): AsyncGenerator<Change, void, undefined> {
  let place = given === undefined ? null : String(given);
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const connection = new AbortController();
    const either = AbortSignal.any([connection.signal, ...(signal ? [signal] : [])]);
    let isConnected = false;
    try {
      const headers: Record<string, string> = place === null ? {} : { "last-event-id": place };
      const response = await ask(parameters, { headers, signal: either });
      isConnected = true;
      onConnection?.(true);
      for await (const read of eventsOf(response, () => connection.abort())) {
        pauseMs = PAUSE_MS_MIN;
        place = read.place ?? place;
        if (read.change !== null) yield read.change;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error)) throw error;
    } finally {
      // Also where the loop that reads has ended.
      connection.abort();
      if (isConnected) onConnection?.(false);
    }
    await pause(pauseMs, signal);
  }
}

type Read = Readonly<{ place: string | null; change: Change | null }>;

async function* eventsOf(response: Response, giveUp: () => void): AsyncGenerator<Read> {
  const found: Read[] = [];
  const parser = createParser({
    onEvent: (message) => found.push({ place: message.id ?? null, change: changeOf(message) }),
    onComment: (text) => {
      const [, place] = /^at (\S+)$/.exec(text.trim()) ?? [];
      if (place !== undefined) found.push({ place, change: null });
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  for (;;) {
    const silent = setTimeout(giveUp, SILENCE_MS);
    const chunk = await reader?.read().finally(() => clearTimeout(silent));
    if (chunk === undefined || chunk.done) return;
    parser.feed(decoder.decode(chunk.value, { stream: true }));
    yield* found.splice(0);
  }
}

const changeOf = ({ id = null as unknown as string, event, data }: EventSourceMessage) =>
  ({ id, event, data: JSON.parse(data) }) as Change;

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal?.addEventListener("abort", end, { once: true });
  });
  signal?.throwIfAborted();
}
