import type { ServerResponse } from "node:http";
import type { SampledLog } from "@counterfoil/http/request-log";
import type { FeedCommand, FeedMessage } from "@counterfoil/processing/changes/feed";
import type { ChangeCursor, ChangeFilter } from "@counterfoil/processing/changes/reader";
import type { Caller } from "./access.ts";

/** Where the changes come from: beside this event loop, or on it. */
type FeedPort = Readonly<{
  tell: (command: FeedCommand) => void;
  stop: () => Promise<void>;
}>;

/** @param onEnd what is open has to begin anew: the feed has ended, and is started again */
export type OpenFeed = (send: (message: FeedMessage) => void, onEnd: () => void) => FeedPort;

export type StreamLimits = Readonly<{
  /** Streams that are open at once. */
  streamsMax: number;
  /** Of what one reader has not read, and of what all have not: a slow one is closed then. */
  unreadMax: number;
  unreadOfAllMax: number;
  /** A reader that reads nothing for so long is closed. */
  stalledMs: number;
}>;

export const STREAM_LIMITS: Omit<StreamLimits, "streamsMax"> = {
  unreadMax: 1024 * 1024,
  unreadOfAllMax: 32 * 1024 * 1024,
  stalledMs: 60_000,
};

export type ChangeStreams = Readonly<{
  open: (response: ServerResponse, reader: NewReader) => void;
  /** Whether as many are open as may be. */
  isFull: () => boolean;
  count: () => number;
  stop: () => Promise<void>;
}>;

type NewReader = ChangeFilter & Readonly<{ from: ChangeCursor | null; caller: Caller }>;

type StreamsDeps = Readonly<{
  openFeed: OpenFeed;
  limits: StreamLimits;
  /** Whether who was let in would still be. */
  isAdmitted: (caller: Caller) => Promise<boolean>;
  log: SampledLog;
}>;

type Stream = {
  readonly id: number;
  readonly response: ServerResponse;
  readonly caller: Caller;
  /** What it had read when it was last looked at, and since when it is at that. */
  read: number;
  readSinceMs: number;
};

const CHECK_MS = 1_000;

/** The open connections of `/v1/changes`; what they are told, a feed says. */
export function createChangeStreams(deps: StreamsDeps): ChangeStreams {
  const { limits } = deps;
  const streams = new Map<number, Stream>();
  const endAll = () => {
    for (const { response } of streams.values()) response.end();
  };
  const messages = passOn(streams, limits, {
    cut,
    told: (bytes) => feed.tell(passed(bytes)),
    more,
  });
  const feed = deps.openFeed(messages, endAll);
  const checking = setInterval(() => void check(), CHECK_MS).unref();
  let opened = 0;

  function more({ id: reader }: Stream): void {
    feed.tell({ kind: "more", reader });
  }

  /** Closed before memory grows; it goes on from the last id that it has read. */
  function cut({ response }: Stream, why: string): void {
    const unread = response.writableLength;
    deps.log("changes cut", "warn", { why, bytes: unread }, "a reader of changes is too slow");
    response.destroy();
  }

  async function check(): Promise<void> {
    const now = performance.now();
    const admitted = new Map<string | null, boolean>();
    for (const stream of [...streams.values()]) {
      const { caller, response } = stream;
      const known = admitted.get(caller.keyId);
      const isAdmitted = known ?? (await deps.isAdmitted(caller).catch(() => false));
      admitted.set(caller.keyId, isAdmitted);
      if (!isAdmitted) response.end();
      if (isStalled(stream, now, limits.stalledMs)) cut(stream, "stalled");
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

const passed = (bytes: number): FeedCommand => ({ kind: "passed", bytes });

type Passing = Readonly<{
  cut: (stream: Stream, why: string) => void;
  /** So many bytes that were for a channel have been written to it. */
  told: (bytes: number) => void;
  /** The stream has room for its next page. */
  more: (stream: Stream) => void;
}>;

/** Streams that are written to before others on this event loop have their turn. */
const AT_ONCE = 32;

/**
 * Writes what a feed says, one message after the other: who joins a channel is told what is said to
 * it from then on.
 */
function passOn(
  streams: ReadonlyMap<number, Stream>,
  limits: StreamLimits,
  { cut, told, more }: Passing,
): (message: FeedMessage) => void {
  const messages: FeedMessage[] = [];
  const channels = createMembers();
  let isPassing = false;

  function givePage({ reader, bytes, isLive, channel }: FeedMessage & { kind: "page" }): void {
    const stream = streams.get(reader);
    if (stream === undefined) return;
    const isRead = write(stream, bytes);
    if (isLive) channels.join(channel, stream);
    else if (isRead) more(stream);
    else stream.response.once("drain", () => more(stream));
  }

  async function tellChannel({ channel, bytes }: FeedMessage & { kind: "live" }): Promise<void> {
    let written = 0;
    for (const stream of channels.of(channel)) {
      write(stream, bytes);
      if (stream.response.writableLength > limits.unreadMax) cut(stream, "one");
      written += 1;
      if (written % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const slowest of beyondAll([...streams.values()], limits.unreadOfAllMax)) {
      cut(slowest, "all");
    }
    told(bytes.length);
  }

  return async (message) => {
    messages.push(message);
    if (isPassing) return;
    isPassing = true;
    for (let next = messages.shift(); next !== undefined; next = messages.shift()) {
      if (next.kind === "page") givePage(next);
      else await tellChannel(next);
    }
    isPassing = false;
  };
}

/** @returns whether it has been taken at once */
const write = ({ response }: Stream, bytes: Uint8Array): boolean =>
  response.destroyed || response.writableEnded || response.write(bytes);

/** Which streams are told what is said to a channel. */
function createMembers() {
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

/** The slowest, as many as it takes that what all have not read is within a bound. */
function beyondAll(streams: readonly Stream[], unreadMax: number): readonly Stream[] {
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

/** Whether it has not read anything for a while of what is there for it. */
function isStalled(stream: Stream, nowMs: number, stalledMs: number): boolean {
  const unread = unreadOf(stream);
  const read = (stream.response.socket?.bytesWritten ?? 0) - unread;
  if (unread === 0 || read !== stream.read) {
    Object.assign(stream, { read, readSinceMs: nowMs });
    return false;
  }
  return nowMs - stream.readSinceMs >= stalledMs;
}
