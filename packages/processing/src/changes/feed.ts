import type { ModelName } from "@counterfoil/contracts/fact";
import { followActivations } from "../generations/activations.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, waitForMore } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { ServedModels } from "../queries/serving.ts";
import {
  type ChangeFilter,
  type ChangeFrames,
  type Channel,
  channelKey,
  includesModel,
  type ShownState,
  writeChanges,
} from "./channel.ts";
import {
  advance,
  type ChangeCursor,
  formatCursor,
  isComplete,
  isSamePosition,
  MODELS,
  nextChanges,
  separateLagging,
} from "./cursor.ts";
import { createStep, type HubSink, newHub } from "./hub.ts";
import { type ReadChangesDeps, type ResumePoint, readNext } from "./read.ts";

/** Where a reader starts. */
export type ReaderStart = Readonly<{
  /** null: with the next change. */
  from: ChangeCursor | null;
  /** It reconnects: it may have missed that a model has caught up. */
  isResumed: boolean;
}>;

/** A command to a feed: plain data, because the feed may run on another thread. */
export type FeedCommand =
  | (ChangeFilter & ReaderStart & Readonly<{ kind: "open"; reader: number }>)
  /** The reader has taken its page and requests the next. */
  | Readonly<{ kind: "more"; reader: number }>
  /** So many bytes sent to channels have been delivered to their readers. */
  | Readonly<{ kind: "passed"; bytes: number }>
  | Readonly<{ kind: "close"; reader: number }>;

/** A message of a feed. Messages are delivered in the order in which they are sent. */
export type FeedMessage =
  /** For one reader that is catching up. With `isLive` it receives its channel's messages from now on. */
  | Readonly<{ kind: "page"; reader: number; bytes: Uint8Array; isLive: boolean; channel: string }>
  /** For all live readers of a channel. */
  | Readonly<{ kind: "live"; channel: string; bytes: Uint8Array }>;

type FeedOptions = Readonly<{
  stream: EventStream;
  models: ServedModels;
  catalogue: Pick<ModelCatalogue, "generations">;
  clock: Clock;
  frames: ChangeFrames;
  send: (message: FeedMessage) => void;
  /** Called when a read fails; it is retried. */
  onFailure?: (error: unknown) => void;
}>;

interface ChangeFeed {
  tell(command: FeedCommand): void;
  stop(): Promise<void>;
}

/** Limits of one read: for all live readers, and for one reader that is catching up. */
const LIVE = { count: 1_000, bytes: 1024 * 1024 };
const PAGE = { count: 200, bytes: 256 * 1024 };
/** Size at which a page ends even if more changes follow. */
const PAGE_TEXT_MAX = 256 * 1024;

/** Limit of the bytes sent to channels and not delivered yet. */
const UNDELIVERED_MAX = 8 * 1024 * 1024;

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 500;

type Reader = {
  readonly id: number;
  readonly channel: Channel;
  /** null: starts with the next change. */
  cursor: ChangeCursor | null;
  readonly isResumed: boolean;
  resumePoint: ResumePoint | null;
  isOpen: boolean;
  /** When it was last sent a page. */
  sentAtMs: number;
};

/**
 * Sends the changes of all read models to any number of readers. New changes are read once for all
 * live readers, and formatted once for all readers with the same filter. A reader that is catching up
 * is sent pages on request; the pages of all readers are read one at a time.
 */
export function createChangeFeed(options: FeedOptions): ChangeFeed {
  const { clock, frames } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFailure = options.onFailure ?? (() => {});
  const channels = createChannels(options, signal);
  const activations = followActivations(options.stream);
  const { waitForRoom } = channels;
  const reading = { ...options, activations, onFailure, signal, waitForRoom };
  const readers = new Map<number, Reader>();
  const opened = createNotification(signal);
  const queue = createQueue(signal);
  const sink = sinkOf(channels, frames);
  const newStep = () => createStep(hub, { ...reading, limits: LIVE }, sink);
  let hub = newHub();
  let step = newStep();
  const pages = sendPages({ ...reading, limits: PAGE }, () => hub, queue);

  function tell(command: FeedCommand): void {
    if (command.kind === "open") {
      const reader = openReader(channels.join(command), command, nowMs(clock));
      readers.set(reader.id, reader);
      queue.push(reader);
      opened.notify();
      return;
    }
    if (command.kind === "passed") {
      channels.passed(command.bytes);
      return;
    }
    const reader = readers.get(command.reader);
    if (reader === undefined) return;
    if (command.kind === "more") queue.push(reader);
    else closeReader(reader);
  }

  function closeReader(reader: Reader): void {
    reader.isOpen = false;
    readers.delete(reader.id);
    channels.leave(reader.channel);
  }

  async function follow(): Promise<void> {
    for (let heartbeatAtMs = nowMs(clock); !signal.aborted; ) {
      if (readers.size === 0) {
        hub = newHub();
        step = newStep();
        await opened.wait();
        continue;
      }
      const pauseMs = await step();
      queue.retryWaiting();
      const { cursor } = hub;
      if (cursor !== null && nowMs(clock) - heartbeatAtMs >= HEARTBEAT_MS) {
        heartbeatAtMs = nowMs(clock);
        channels.send(() => frames.place(formatCursor(cursor)));
      }
      if (pauseMs !== null) await clock.sleep(pauseMs, signal);
      else await waitForMore(options, cursor?.position ?? 0, signal).catch(() => pauseAfterError());
    }
  }

  const pauseAfterError = () => clock.sleep(RETRY_MS, signal);
  const running = Promise.all([follow(), pages]);
  return {
    tell,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const nowMs = (clock: Clock): number => Number(clock.now() / 1_000_000n);

function openReader(
  channel: Channel,
  { reader: id, from, isResumed }: FeedCommand & { kind: "open" },
  sentAtMs: number,
): Reader {
  return { id, channel, cursor: from, isResumed, resumePoint: null, isOpen: true, sentAtMs };
}

type Channels = ReturnType<typeof createChannels>;

/** The channels that have readers, and how much was sent to them and is not delivered yet. */
function createChannels(
  { send, frames }: Pick<FeedOptions, "send" | "frames">,
  signal: AbortSignal,
) {
  const channels = new Map<string, Channel>();
  const delivered = createNotification(signal);
  let undelivered = 0;
  return {
    /** The channel of a filter, with one more reader. */
    join({ topics, platform }: ChangeFilter): Channel {
      const key = channelKey({ topics, platform });
      const channel = channels.get(key) ?? { key, topics, platform, readers: 0 };
      channel.readers += 1;
      channels.set(key, channel);
      return channel;
    },
    leave(channel: Channel): void {
      channel.readers -= 1;
      if (channel.readers === 0) channels.delete(channel.key);
    },
    platforms: () => [...new Set([...channels.values()].flatMap(({ platform }) => platform ?? []))],
    /** Sends to each channel its text, unless that is empty. */
    send(textFor: (channel: Channel) => string): void {
      for (const channel of channels.values()) {
        const text = textFor(channel);
        if (text === "") continue;
        const bytes = frames.bytes(text);
        undelivered += bytes.length;
        send({ kind: "live", channel: channel.key, bytes });
      }
    },
    passed(bytes: number): void {
      undelivered -= bytes;
      delivered.notify();
    },
    async waitForRoom(): Promise<void> {
      while (undelivered > UNDELIVERED_MAX && !signal.aborted) await delivered.wait();
    },
  };
}

function sinkOf({ platforms, send }: Channels, frames: ChangeFrames): HubSink {
  const sendOfModel = (model: ModelName, text: string) =>
    send((channel) => (includesModel(channel, model) ? text : ""));
  return {
    platforms,
    onChanges: (changes, cursor, next) =>
      send((channel) => writeChanges(channel, changes, { cursor, next, frames })),
    onState: (model, state) => sendOfModel(model, frames.state(model, state)),
    onReset: (reset) => sendOfModel(reset.model, frames.reset(null, reset)),
  };
}

type Queue = ReturnType<typeof createQueue>;

/** Readers that have requested a page, first come, first served. */
function createQueue(signal: AbortSignal) {
  const requesting: Reader[] = [];
  /** Readers for which there was nothing new. */
  const waiting: Reader[] = [];
  const pushed = createNotification(signal);
  const push = (...more: readonly Reader[]) => {
    requesting.push(...more);
    if (more.length > 0) pushed.notify();
  };
  return {
    push,
    wait: (reader: Reader) => void waiting.push(reader),
    /** Queues the waiting readers again, because there may be new changes. */
    retryWaiting: () => push(...waiting.splice(0)),
    async next(): Promise<Reader | null> {
      while (!signal.aborted) {
        const reader = requesting.shift();
        if (reader?.isOpen) return reader;
        if (reader === undefined) await pushed.wait();
      }
      return null;
    },
  };
}

/** Wakes the waiting caller, or the next one that waits. */
function createNotification(signal: AbortSignal) {
  let notified = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => notified.resolve(), { once: true });
  return {
    notify: () => notified.resolve(),
    async wait() {
      await notified.promise;
      if (!signal.aborted) notified = Promise.withResolvers();
    },
  };
}

type PageDeps = ReadChangesDeps &
  Pick<FeedOptions, "clock" | "send" | "frames"> & {
    onFailure: (error: unknown) => void;
  };

/** Sends pages to readers that are catching up. @returns when the signal aborts */
async function sendPages(
  deps: PageDeps,
  currentHub: () => ReturnType<typeof newHub>,
  queue: Queue,
) {
  const { clock } = deps;
  for (let reader = await queue.next(); reader !== null; reader = await queue.next()) {
    try {
      const page = await readPage(deps, currentHub, reader);
      if (page === null) queue.wait(reader);
      else sendPage(deps, reader, page);
    } catch (error) {
      deps.onFailure(error);
      queue.wait(reader);
    }
    await clock.nextTurn();
  }
}

type Page = Readonly<{ text: string; isLive: boolean }>;

/**
 * Reads the next page of a reader; the last one ends at the hub's cursor and makes the reader live.
 *
 * @returns null if the reader has to wait for new changes
 */
async function readPage(
  deps: PageDeps,
  currentHub: () => ReturnType<typeof newHub>,
  reader: Reader,
): Promise<Page | null> {
  const { channel } = reader;
  const { frames, clock } = deps;
  const platforms = channel.platform === null ? [] : [channel.platform];
  const isNew = reader.cursor === null;
  for (let text = ""; ; ) {
    const { cursor: known } = currentHub();
    if (known === null) return null;
    const cursor = separateLagging(reader.cursor ?? known, known);
    reader.cursor = cursor;
    const next = nextChanges(cursor, known);
    if (next === null) return endPage(deps, currentHub(), { reader, text, isNew });
    const read = await readNext(deps, next, { platforms, resumePoint: reader.resumePoint });
    reader.cursor = advance(cursor, next, read.to);
    reader.resumePoint = read.resumePoint;
    text += writeChanges(channel, read.changes, { cursor, next, frames });
    const isLong = read.changes.length >= PAGE.count || text.length >= PAGE_TEXT_MAX;
    if (isLong || nextChanges(reader.cursor, known) !== null) {
      return { text, isLive: false };
    }
    await clock.nextTurn();
  }
}

/** Ends the page of a reader that has read all known changes, and makes it live if the hub is at its cursor. */
function endPage(
  { frames, clock }: PageDeps,
  hub: ReturnType<typeof newHub>,
  { reader, text, isNew }: Readonly<{ reader: Reader; text: string; isNew: boolean }>,
): Page | null {
  const { cursor, channel } = reader;
  if (cursor === null || hub.cursor === null) return null;
  const { platform } = channel;
  // A read in progress covers only the platforms that had readers when it began.
  const isCovered = hub.views === null || platform === null || hub.views.includes(platform);
  if (isCovered && isSamePosition(cursor, hub.cursor) && isWhollyComplete(cursor)) {
    const states = statesFor(reader, cursor).map(([model, state]) => frames.state(model, state));
    return { text: text + frames.place(formatCursor(cursor)) + states.join(""), isLive: true };
  }
  // The reader is ahead of the hub: it read from another process, or one of its models is ahead.
  const isHeartbeatDue = nowMs(clock) - reader.sentAtMs >= HEARTBEAT_MS;
  return text !== "" || isNew || isHeartbeatDue ? { text, isLive: false } : null;
}

/** The models that are behind. A reader that reconnects also hears which ones are current again. */
function statesFor(
  { channel, isResumed }: Reader,
  { position: shared, lagging }: ChangeCursor,
): readonly (readonly [ModelName, ShownState])[] {
  const states = MODELS.map((model): readonly [ModelName, ShownState] => {
    const behind = lagging.get(model);
    return behind === undefined
      ? [model, { state: "current", position: shared }]
      : [model, { state: "behind", position: behind.position }];
  });
  return states.filter(
    ([model, { state }]) => includesModel(channel, model) && (isResumed || state === "behind"),
  );
}

const isWhollyComplete = ({ lagging, ...readPosition }: ChangeCursor): boolean =>
  isComplete(readPosition) && [...lagging.values()].every(isComplete);

function sendPage({ send, frames, clock }: PageDeps, reader: Reader, { text, isLive }: Page): void {
  if (!reader.isOpen) return;
  const { id, channel, cursor } = reader;
  reader.sentAtMs = nowMs(clock);
  // An empty page still sends the cursor to resume from, and keeps the connection alive.
  const shown = text === "" && cursor !== null ? frames.place(formatCursor(cursor)) : text;
  send({ kind: "page", reader: id, bytes: frames.bytes(shown), isLive, channel: channel.key });
}
