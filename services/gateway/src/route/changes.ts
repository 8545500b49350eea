import type { ServerResponse } from "node:http";
import { STATE_TOPICS, type StateTopic } from "@counterfoil/contracts/kafka";
import { Problem } from "@counterfoil/http/problem";
import type { SampledLog } from "@counterfoil/http/request-log";
import type { ChangeFilter, ChangeFrames } from "@counterfoil/processing/changes/channel";
import { type ChangeCursor, parseCursor } from "@counterfoil/processing/changes/cursor";
import type { FeedCommand, FeedMessage, ReaderStart } from "@counterfoil/processing/changes/feed";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Caller } from "../access.ts";
import { parameters } from "../parameter.ts";
import type { Sources } from "../reading.ts";
import { type Route, route } from "../route.ts";

/** Server-Sent Events (HTML Living Standard, 9.2), as `/v1/changes` writes them. */
const EVENT_STREAM = "text/event-stream";

const TOPICS = Object.keys(STATE_TOPICS) as [StateTopic, ...StateTopic[]];
const MODELS = `one of ${TOPICS.join(", ")}; for several the parameter is repeated`;

const model = z
  .union([z.enum(TOPICS, { error: MODELS }), z.array(z.enum(TOPICS, { error: MODELS }))], {
    error: MODELS,
  })
  .transform((given) => [...new Set([given].flat())])
  .optional()
  .meta({ description: "Only changes of these models; the parameter may be repeated" });

const CURSOR = "a position, such as 120, or the id of a change, such as 120.3";

const cursor = z
  .string({ error: CURSOR })
  .transform((text, context): ChangeCursor => {
    const cursor = parseCursor(text);
    if (cursor !== null) return cursor;
    context.addIssue({ code: "custom", message: CURSOR });
    return z.NEVER;
  })
  .optional();

const query = parameters({
  model,
  after: cursor.meta({
    type: "string",
    description:
      "Starts after this position or change; `0` starts with the first change. By default only new changes are sent",
  }),
});

const headers = z.looseObject({
  "last-event-id": cursor.meta({
    type: "string",
    description: "The id of the last change that was read; takes precedence over `after`",
  }),
});

/** The stream of changes of the read models. */
export function changeRoutes(sources: Sources, streams: ChangeStreams): readonly Route[] {
  return [
    route({
      operation: "streamChanges",
      url: "/v1/changes",
      tag: "changes",
      mayBeLong: true,
      summary: "Every change of every read model, in order, as Server-Sent Events",
      description:
        "`event` is what has changed (`balances`, `withdrawals`, `deposits`, `trades`, `anomalies`), `data` is the record as of the change, as its own route serves it, with `position`; a record that is gone is `{id, position, gone: true}`. `stuck` is null, since it depends on the clock and not on a change. `id` is `POSITION.N`, the N-th change of that position, independent of filters; a client that reconnects with it in `Last-Event-ID` continues after it, and misses and repeats nothing. `event: reset` means that a model has to be read again from its routes, `event: state` that a model is behind, so that its changes come later than those of the others, or current again; who reconnects with `Last-Event-ID` hears the state of every model once it has caught up. Comments keep the connection alive. The connection of a reader that is too slow is closed.",
      query,
      headers,
      answer: z.string(),
      mediaType: EVENT_STREAM,
      handle: async ({ query, headers, caller, method }, reply) => {
        const last = headers["last-event-id"];
        const from = last ?? query.after ?? null;
        if (from !== null) await assertReached(sources, from);
        if (streams.isFull())
          throw new Problem("overloaded", "too many streams of changes are open");
        const { platform } = caller;
        const topics = query.model ?? null;
        const { raw } = sendHead(reply);
        if (method === "HEAD") raw.end();
        else streams.open(raw, { from, isResumed: last !== undefined, topics, platform, caller });
      },
    }),
  ];
}

/** @throws Problem invalid_query if the position is beyond the head: no such id was ever sent */
async function assertReached({ stream }: Sources, { position }: ChangeCursor): Promise<void> {
  const head = await stream.head();
  if (position <= head.position) return;
  throw new Problem(
    "invalid_query",
    `position ${position} is asked for, and the stream ends at ${head.position}: it is another stream, or one from a backup`,
  );
}

/** Sends the status line and the headers; the body must not be buffered, compressed or cached. */
function sendHead(reply: FastifyReply): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": EVENT_STREAM,
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  raw.flushHeaders();
  return reply;
}

const encoder = new TextEncoder();

const event = (name: string, data: string, id: string | null): string =>
  `${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`;

/** Formats changes as the Server-Sent Events of `/v1/changes`. */
export const eventFrames: ChangeFrames = {
  change: (id, { topic, model, id: record, position, value }) => {
    const at = String(position);
    // JSON has no line breaks: they are escaped in strings.
    if (value !== null)
      return event(topic, topic === "anomalies" ? withPosition(value, at) : value, id);
    const gone = { id: record, position: at, gone: true };
    return event(topic, JSON.stringify(topic === "anomalies" ? { ...gone, model } : gone), id);
  },
  reset: (id, { model, position, generation, version }) =>
    event(
      "reset",
      JSON.stringify({ model, position: String(position), generation, model_version: version }),
      id,
    ),
  state: (model, { state, position }) =>
    event("state", JSON.stringify({ model, state, position: String(position) }), null),
  // A reader keeps an id without data, and does not dispatch an event; libraries do report comments.
  place: (id) => `: at ${id}\nid: ${id}\n\n`,
  bytes: (text) => encoder.encode(text),
};

/** Adds the position to an anomaly; the other records have one. */
const withPosition = (json: string, position: string): string =>
  `${json.slice(0, -1)},"position":"${position}"}`;

/** The feed of changes, on another thread or on this event loop. */
type FeedPort = Readonly<{
  tell: (command: FeedCommand) => void;
  stop: () => Promise<void>;
}>;

/** @param onEnd called when the feed has ended and is restarted: open streams have to reconnect */
export type OpenFeed = (send: (message: FeedMessage) => void, onEnd: () => void) => FeedPort;

export type StreamLimits = Readonly<{
  /** The maximum number of open streams. */
  streamsMax: number;
  /** The maximum of unread bytes, for one reader and for all; a slow reader is closed then. */
  unreadMax: number;
  unreadOfAllMax: number;
  /** A reader that reads nothing for this long is closed. */
  stalledMs: number;
}>;

export const STREAM_LIMITS: Omit<StreamLimits, "streamsMax"> = {
  unreadMax: 1024 * 1024,
  unreadOfAllMax: 32 * 1024 * 1024,
  stalledMs: 60_000,
};

export type ChangeStreams = Readonly<{
  open: (response: ServerResponse, reader: NewReader) => void;
  /** Whether the maximum number of streams is open. */
  isFull: () => boolean;
  count: () => number;
  stop: () => Promise<void>;
}>;

type NewReader = ChangeFilter & ReaderStart & Readonly<{ caller: Caller }>;

type StreamsDeps = Readonly<{
  openFeed: OpenFeed;
  limits: StreamLimits;
  /** Whether a connected caller would still be admitted. */
  isAdmitted: (caller: Caller) => Promise<boolean>;
  log: SampledLog;
}>;

type Stream = {
  readonly id: number;
  readonly response: ServerResponse;
  readonly caller: Caller;
  /** The bytes that it had read at the last check, and since when this number is unchanged. */
  read: number;
  readSinceMs: number;
};

const CHECK_MS = 1_000;

/** The open connections of `/v1/changes`, to which the messages of a feed are written. */
export function createChangeStreams(deps: StreamsDeps): ChangeStreams {
  const { limits } = deps;
  const streams = new Map<number, Stream>();
  const endAll = () => {
    for (const { response } of streams.values()) response.end();
  };
  const dispatch = createDispatcher(streams, limits, {
    disconnect,
    onWritten: (bytes) => feed.tell({ kind: "passed", bytes }),
    requestNextPage,
  });
  const feed = deps.openFeed(dispatch, endAll);
  const checking = setInterval(() => void check(), CHECK_MS).unref();
  let opened = 0;

  function requestNextPage({ id: reader }: Stream): void {
    feed.tell({ kind: "more", reader });
  }

  /** Bounds the memory of unread bytes; the reader can reconnect with the last id that it has read. */
  function disconnect({ response }: Stream, why: string): void {
    const unread = response.writableLength;
    deps.log("changes cut", "warn", { why, bytes: unread }, "a reader of changes is too slow");
    response.destroy();
  }

  async function check(): Promise<void> {
    const now = performance.now();
    const admittedByKey = new Map<string | null, boolean>();
    for (const stream of [...streams.values()]) {
      const { caller, response } = stream;
      const known = admittedByKey.get(caller.keyId);
      const isAdmitted = known ?? (await deps.isAdmitted(caller).catch(() => false));
      admittedByKey.set(caller.keyId, isAdmitted);
      if (!isAdmitted) response.end();
      if (isStalled(stream, now, limits.stalledMs)) disconnect(stream, "stalled");
    }
  }

  return {
    isFull: () => streams.size >= limits.streamsMax,
    count: () => streams.size,
    open(response, { caller, ...start }) {
      opened += 1;
      const reader = opened;
      const stream = { id: reader, response, caller, read: 0, readSinceMs: performance.now() };
      streams.set(reader, stream);
      response.once("close", () => {
        streams.delete(reader);
        feed.tell({ kind: "close", reader });
      });
      feed.tell({ kind: "open", reader, ...start });
    },
    async stop() {
      clearInterval(checking);
      endAll();
      await feed.stop();
    },
  };
}

type DispatchHandlers = Readonly<{
  disconnect: (stream: Stream, why: string) => void;
  /** The bytes of a live message are written to its channel. */
  onWritten: (bytes: number) => void;
  /** The stream has room for its next page. */
  requestNextPage: (stream: Stream) => void;
}>;

/** Streams that are written to before the event loop is yielded. */
const WRITES_PER_TURN = 8;

/**
 * Writes the messages of a feed, one after the other, so that a stream that joins a channel receives
 * exactly the messages that follow.
 */
function createDispatcher(
  streams: ReadonlyMap<number, Stream>,
  limits: StreamLimits,
  { disconnect, onWritten, requestNextPage }: DispatchHandlers,
): (message: FeedMessage) => void {
  const queue: FeedMessage[] = [];
  const channels = createChannels();
  let isDispatching = false;

  function writePage({ reader, bytes, isLive, channel }: FeedMessage & { kind: "page" }): void {
    const stream = streams.get(reader);
    if (stream === undefined) return;
    const hasRoom = write(stream, bytes);
    if (isLive) channels.join(channel, stream);
    else if (hasRoom) requestNextPage(stream);
    else stream.response.once("drain", () => requestNextPage(stream));
  }

  async function broadcast({ channel, bytes }: FeedMessage & { kind: "live" }): Promise<void> {
    let written = 0;
    for (const stream of channels.of(channel)) {
      write(stream, bytes);
      if (stream.response.writableLength > limits.unreadMax) disconnect(stream, "one");
      written += 1;
      if (written % WRITES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const slowest of slowestBeyond([...streams.values()], limits.unreadOfAllMax)) {
      disconnect(slowest, "all");
    }
    onWritten(bytes.length);
  }

  return async (message) => {
    queue.push(message);
    if (isDispatching) return;
    isDispatching = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (next.kind === "page") writePage(next);
      else await broadcast(next);
    }
    isDispatching = false;
  };
}

/** @returns false if the stream's buffer is full */
const write = ({ response }: Stream, bytes: Uint8Array): boolean =>
  response.destroyed || response.writableEnded || response.write(bytes);

/** The live streams of each channel. */
function createChannels() {
  const members = new Map<string, Set<Stream>>();
  return {
    of: (channel: string): readonly Stream[] => [...(members.get(channel) ?? [])],
    join(channel: string, stream: Stream): void {
      const others = members.get(channel) ?? new Set();
      members.set(channel, others.add(stream));
      stream.response.once("close", () => {
        others.delete(stream);
        if (others.size === 0 && members.get(channel) === others) members.delete(channel);
      });
    },
  };
}

const unreadOf = ({ response }: Stream): number => response.writableLength;

/** The slowest streams, which have to be closed so that the unread bytes of all are within a limit. */
function slowestBeyond(streams: readonly Stream[], unreadMax: number): readonly Stream[] {
  let unread = streams.reduce((sum, stream) => sum + unreadOf(stream), 0);
  if (unread <= unreadMax) return [];
  const slowest: Stream[] = [];
  for (const stream of streams.toSorted((one, other) => unreadOf(other) - unreadOf(one))) {
    if (unread <= unreadMax) break;
    unread -= unreadOf(stream);
    slowest.push(stream);
  }
  return slowest;
}

/** Whether a stream has unread bytes and has read none of them for `stalledMs`. */
function isStalled(stream: Stream, nowMs: number, stalledMs: number): boolean {
  const unread = unreadOf(stream);
  const read = (stream.response.socket?.bytesWritten ?? 0) - unread;
  if (unread === 0 || read !== stream.read) {
    Object.assign(stream, { read, readSinceMs: nowMs });
    return false;
  }
  return nowMs - stream.readSinceMs >= stalledMs;
}
