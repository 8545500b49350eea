import type { ServerResponse } from "node:http";
import type { SampledLog } from "@counterfoil/http/request-log";
import type { FeedCommand, FeedMessage } from "@counterfoil/processing/changes/feed";
import type { ChangeCursor, ChangeFilter } from "@counterfoil/processing/changes/reader";
import type { Caller } from "./access.ts";

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

type NewReader = ChangeFilter & Readonly<{ from: ChangeCursor | null; caller: Caller }>;

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
    open(response, { caller, from, topics, platform }) {
      opened += 1;
      const reader = opened;
      const stream = { id: reader, response, caller, read: 0, readSinceMs: performance.now() };
      streams.set(reader, stream);
      response.once("close", () => {
        streams.delete(reader);
        feed.tell({ kind: "close", reader });
      });
      feed.tell({ kind: "open", reader, from, topics, platform });
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
const WRITES_PER_TURN = 32;

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
