import { createParser, type EventSourceMessage } from "eventsource-parser";
import { type components, OPERATIONS, type operations } from "./generated/openapi.ts";

export type { components, operations };

export type ClientOptions = Readonly<{
  /** The gateway's address, such as `http://127.0.0.1:8080`. */
  baseUrl: string;
  /** An API key; it is sent as `Authorization: Bearer …` only. */
  key?: string;
  /** Used instead of the global `fetch`. */
  fetch?: typeof fetch;
}>;

/** Options of a request, besides the operation's parameters. */
export type RequestOptions = Readonly<{
  signal?: AbortSignal;
  /** For `streamChanges`: called when a connection opens, and when it ends. */
  onConnection?: (isConnected: boolean) => void;
}>;

export type OperationId = keyof operations & keyof typeof OPERATIONS;

/** An operation's parameters of path and query in one object, and its `body`. */
export type ParametersOf<Id extends OperationId> = Fields<operations[Id], "path"> &
  Fields<operations[Id], "query"> &
  BodyOf<operations[Id]>;

/** The answer of an operation: JSON, text, or bytes. */
export type AnswerOf<Id extends OperationId> = Content<Success<operations[Id]>>;

/**
 * One method per operation. Awaited, a list returns its first page; a `for await` loop iterates over
 * all pages:
 *
 *     const { data } = await client.listBalances({ asset: "BTC", limit: 10 });
 *     for await (const { data } of client.listBalances({ asset: "BTC" })) …
 *
 * `streamChanges` is an endless loop over changes as they happen; it reconnects by itself when its
 * connection ends:
 *
 *     for await (const { id, event, data } of client.streamChanges({ model: ["balances"] })) …
 *
 * Each rejects with a `ProblemError` if the service answers with an error, and with the error of
 * `fetch` if the service cannot be reached. `streamChanges` retries after errors that may pass, and throws
 * the others: problems that the request itself causes, and an `UnreadableAnswerError`.
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

/** Awaited, the first page; in a `for await` loop, every page. */
export interface Pages<One> extends PromiseLike<One>, AsyncIterable<One> {}

type Page = Readonly<{ data: readonly unknown[]; next_cursor: string | null }>;

/** The problem document (RFC 9457) of an error answer. */
export type ProblemDocument = components["schemas"]["Problem"];

export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  /** A stable code, such as `not_found`; null if the answer is not from the service itself. */
  readonly code: string | null;
  readonly problem: ProblemDocument | null;

  constructor(status: number, problem: ProblemDocument | null) {
    super(problem === null ? `HTTP ${status}` : `${problem.code}: ${problem.detail}`);
    this.status = status;
    this.code = problem?.code ?? null;
    this.problem = problem;
  }
}

/**
 * Instead of changes, `streamChanges` got what the service does not send: a login page, or the answer of
 * another program at `baseUrl`. It is not asked for again, since it would be the same.
 */
export class UnreadableAnswerError extends Error {
  override readonly name = "UnreadableAnswerError";
}

/** @throws TypeError if `baseUrl` is not a URL */
export function createClient(options: ClientOptions): Client {
  const send = createSend(options);
  const methods = Object.entries(OPERATIONS).map(([id, { media }]) => [
    id,
    (parameters: Parameters = {}, options: RequestOptions = {}) => {
      const request = (given: Parameters, more: SendOptions) =>
        send(id as OperationId, given, { ...options, ...more });
      return media === "text/event-stream"
        ? followChanges(parameters, { ...options, request, isFinal })
        : pagesOf(parameters, async (page) => contentOf(await request(page, {}), media));
    },
  ]);
  return Object.fromEntries(methods) as Client;
}

/** Whether a repeated request would fail in the same way. */
const isFinal = (error: unknown): boolean =>
  error instanceof UnreadableAnswerError ||
  (error instanceof ProblemError && error.status < 500 && error.status !== 429);

type Parameters = Readonly<Record<string, unknown>>;
type SendOptions = Readonly<{
  signal?: AbortSignal;
  headers?: Readonly<Record<string, string>>;
}>;

function createSend({ baseUrl, key, fetch: fetchWith = fetch }: ClientOptions) {
  const base = new URL(baseUrl).href.replace(/\/+$/, "");
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return async (id: OperationId, parameters: Parameters, { signal, headers }: SendOptions) => {
    const { method, ...operation } = OPERATIONS[id];
    const { path, rest } = pathOf(operation.path, parameters);
    const { body, ...named } = rest;
    const hasBody = "body" in operation;
    const query = queryOf(hasBody ? named : rest);
    const response = await fetchWith(`${base}${path}${query}`, {
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

/** An array becomes a repeated parameter. */
function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) query.append(name, String(one));
    }
  }
  return query.size === 0 ? "" : `?${query}`;
}

/** The problem document of an answer; null if a proxy or another program answered. */
async function problemOf(response: Response): Promise<ProblemDocument | null> {
  const body: unknown = await response.json().catch(() => null);
  const { code } = Object(body) as Partial<ProblemDocument>;
  return typeof code === "string" ? (body as ProblemDocument) : null;
}

function pagesOf(
  parameters: Parameters,
  loadPage: (parameters: Parameters) => Promise<unknown>,
): Pages<unknown> {
  let first: Promise<unknown> | null = null;
  const loadFirst = () => {
    first ??= loadPage(parameters);
    return first;
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: awaited, it is the first page.
    then: (onAnswer, onError) => loadFirst().then(onAnswer, onError),
    async *[Symbol.asyncIterator]() {
      let page = (await loadFirst()) as Partial<Page>;
      yield page;
      while (typeof page.next_cursor === "string") {
        page = (await loadPage({ ...parameters, cursor: page.next_cursor })) as Partial<Page>;
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

/** The record with this id was removed. */
export type GoneRecord = Readonly<{ id: string; position: string; gone: true }>;

/** A reader that resumes after `id` misses and repeats nothing; null if the message has no id. */
export type Change =
  | {
      [Event in keyof Records]: Readonly<{
        id: string;
        event: Event;
        data: Records[Event] | GoneRecord;
      }>;
    }[keyof Records]
  /** Everything known of the model has to be read again. */
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
  /** The model's changes are sent later than those of the others, or together with them again. */
  | Readonly<{
      id: string | null;
      event: "state";
      data: Readonly<{ model: Model; state: "behind" | "current"; position: string }>;
    }>;

type RequestChanges = (
  parameters: Parameters,
  options: Readonly<{ headers: Readonly<Record<string, string>>; signal: AbortSignal }>,
) => Promise<Response>;

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
/** The service sends something every 15 s: a connection that is silent for longer than this is dead. */
const SILENCE_MS = 45_000;

/**
 * Yields changes until the loop is left. When a connection ends, it reconnects and resumes after the
 * last change that was yielded.
 *
 * @param isFinal whether an error would occur again
 * @throws final errors; the signal's reason
 */
export async function* followChanges(
  { "last-event-id": given, ...parameters }: Parameters,
  {
    request,
    isFinal,
    signal,
    onConnection,
  }: Readonly<{
    request: RequestChanges;
    isFinal: (error: unknown) => boolean;
    signal?: AbortSignal;
    onConnection?: (isConnected: boolean) => void;
  }>,
): AsyncGenerator<Change, void, undefined> {
  let lastId = given === undefined ? null : String(given);
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const connection = new AbortController();
    const onSilence = () => connection.abort();
    const either = AbortSignal.any([connection.signal, ...(signal ? [signal] : [])]);
    let isConnected = false;
    try {
      const headers: Record<string, string> = lastId === null ? {} : { "last-event-id": lastId };
      const asking = request(parameters, { headers, signal: either });
      const response = await unlessSilent(asking, onSilence);
      assertEventStream(response);
      isConnected = true;
      onConnection?.(true);
      for await (const read of eventsOf(response, onSilence)) {
        pauseMs = PAUSE_MS_MIN;
        lastId = read.id ?? lastId;
        if (read.change !== null) yield read.change;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error)) throw error;
    } finally {
      // Also when the caller leaves its loop.
      connection.abort();
      if (isConnected) onConnection?.(false);
    }
    await pause(pauseMs, signal);
  }
}

/** @throws UnreadableAnswerError */
function assertEventStream({ headers }: Response): void {
  const type = headers.get("content-type") || "no content type";
  if (/^text\/event-stream\s*(?:;|$)/i.test(type)) return;
  throw new UnreadableAnswerError(
    `expected text/event-stream, found ${type}: is baseUrl the service's address, and does nothing in between answer for it?`,
  );
}

type Read = Readonly<{ id: string | null; change: Change | null }>;

/** @throws UnreadableAnswerError after everything before it was yielded */
async function* eventsOf(response: Response, onSilence: () => void): AsyncGenerator<Read> {
  const found: (() => Read)[] = [];
  const parser = createParser({
    onEvent: (message) => found.push(() => readOf(message)),
    onComment: (text) => {
      const [, id] = /^at (\S+)$/.exec(text.trim()) ?? [];
      if (id !== undefined) found.push(() => ({ id, change: null }));
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  for (;;) {
    const chunk = reader && (await unlessSilent(reader.read(), onSilence));
    if (chunk === undefined || chunk.done) return;
    parser.feed(decoder.decode(chunk.value, { stream: true }));
    for (const read of found.splice(0)) yield read();
  }
}

/** Waits for what the service sends next. `onSilence` is called if it sends nothing. */
async function unlessSilent<T>(next: Promise<T>, onSilence: () => void): Promise<T> {
  const timer = setTimeout(onSilence, SILENCE_MS);
  return next.finally(() => clearTimeout(timer));
}

/** A message is whole when it is parsed, so the end of a connection does not make it unreadable. */
function readOf({ id = null as unknown as string, event, data }: EventSourceMessage): Read {
  try {
    return { id, change: { id, event, data: JSON.parse(data) } as Change };
  } catch (cause) {
    throw new UnreadableAnswerError(`the data of change ${id} is no JSON`, { cause });
  }
}

/** @throws the signal's reason */
async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      // The signal may outlive thousands of pauses.
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
  signal?.throwIfAborted();
}
