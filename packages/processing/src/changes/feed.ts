import type { ModelName } from "@counterfoil/contracts/fact";
import { followActivations } from "../generations/activations.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventStream, waitForMore } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { ServedModels } from "../queries/serving.ts";
import { createStep, type HubSink, newHub } from "./hub.ts";
import { type Mark, type ReadChangesDeps, readNext } from "./read.ts";
import {
  advance,
  type ChangeCursor,
  type ChangeFilter,
  type ChangeFrames,
  type Channel,
  channelKey,
  concerns,
  formatCursor,
  goApart,
  isEven,
  isWhole,
  nextChanges,
  writeChanges,
} from "./reader.ts";

/** What a feed is told; plain data, so that it may run on another thread. */
export type FeedCommand =
  | (ChangeFilter & Readonly<{ kind: "open"; reader: number; from: ChangeCursor | null }>)
  /** The reader has taken the page that it was given. */
  | Readonly<{ kind: "more"; reader: number }>
  /** So many bytes of what was said to channels have been passed on. */
  | Readonly<{ kind: "passed"; bytes: number }>
  | Readonly<{ kind: "close"; reader: number }>;

/** What a feed says, to be passed on in the order in which it was said. */
export type FeedMessage =
  /** For one reader that is behind. With `isLive` it is told from now on what its channel is told. */
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
  /** Something could not be read; it is tried again. */
  onFailure?: (error: unknown) => void;
}>;

interface ChangeFeed {
  tell(command: FeedCommand): void;
  stop(): Promise<void>;
}

/** Change rows of a table that are read at once: for all readers, and for one that is behind. */
const LIVE = { count: 1_000, bytes: 1024 * 1024 };
const PAGE = { count: 200, bytes: 256 * 1024 };
/** What a page is stopped at where changes go on coming while it is read. */
const PAGE_TEXT_MAX = 256 * 1024;

/** Of what is said to channels and not passed on yet. */
const UNPASSED_MAX = 8 * 1024 * 1024;

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 500;

type Reader = {
  readonly id: number;
  readonly channel: Channel;
  /** null: from now on. */
  cursor: ChangeCursor | null;
  mark: Mark | null;
  isOpen: boolean;
  /** When it was told anything. */
  toldAtMs: number;
};

/**
 * Tells any number of readers the changes of all read models. What is new is read once for all, and
 * written down once for all readers of one filter; who is behind is given pages, each when it asks
 * for it, one reader after the other.
 */
export function createChangeFeed(options: FeedOptions): ChangeFeed {
  const { clock, send, frames } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFailure = options.onFailure ?? (() => {});
  let unpassed = 0;
  const passed = createSignal(signal);
  const room = async () => {
    while (unpassed > UNPASSED_MAX && !signal.aborted) await passed.taken();
  };
  const activations = followActivations(options.stream);
  const reading = { ...options, activations, onFailure, signal, room };
  const readers = new Map<number, Reader>();
  const channels = new Map<string, Channel>();
  const tellAll = (textFor: (channel: Channel) => string) => {
    for (const channel of channels.values()) {
      const text = textFor(channel);
      if (text === "") continue;
      const bytes = frames.bytes(text);
      unpassed += bytes.length;
      send({ kind: "live", channel: channel.key, bytes });
    }
  };
  let hub = newHub();
  let step = createStep(hub, { ...reading, limits: LIVE }, sinkOf(channels, tellAll, frames));
  const queue = createQueue(signal);
  const pages = createPages({ ...reading, limits: PAGE }, () => hub, queue);
  const someone = createSignal(signal);

  function tell(command: FeedCommand): void {
    if (command.kind === "open") {
      const reader = openReader(channels, command, nowMs(clock));
      readers.set(reader.id, reader);
      queue.push(reader);
      someone.give();
      return;
    }
    if (command.kind === "passed") {
      unpassed -= command.bytes;
      passed.give();
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
    reader.channel.readers -= 1;
    if (reader.channel.readers === 0) channels.delete(reader.channel.key);
  }

  async function follow(): Promise<void> {
    for (let heartAtMs = nowMs(clock); !signal.aborted; ) {
      if (readers.size === 0) {
        hub = newHub();
        step = createStep(hub, { ...reading, limits: LIVE }, sinkOf(channels, tellAll, frames));
        await someone.taken();
        continue;
      }
      const pauseMs = await step();
      queue.goOn();
      const { cursor } = hub;
      if (cursor !== null && nowMs(clock) - heartAtMs >= HEARTBEAT_MS) {
        heartAtMs = nowMs(clock);
        tellAll(() => frames.place(formatCursor(cursor)));
      }
      if (pauseMs !== null) await clock.sleep(pauseMs, signal);
      else await waitForMore(options, cursor?.position ?? 0, signal).catch(() => paused());
    }
  }

  const paused = () => clock.sleep(RETRY_MS, signal);
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
  channels: Map<string, Channel>,
  { reader: id, from, topics, platform }: FeedCommand & { kind: "open" },
  toldAtMs: number,
): Reader {
  const key = channelKey({ topics, platform });
  const channel = channels.get(key) ?? { key, topics, platform, readers: 0 };
  channel.readers += 1;
  channels.set(key, channel);
  return { id, channel, cursor: from, mark: null, isOpen: true, toldAtMs };
}

type TellAll = (textFor: (channel: Channel) => string) => void;

function sinkOf(
  channels: ReadonlyMap<string, Channel>,
  tellAll: TellAll,
  frames: ChangeFrames,
): HubSink {
  const tellOf = (model: ModelName, text: string) =>
    tellAll((channel) => (concerns(channel, model) ? text : ""));
  return {
    platforms: () => [...new Set([...channels.values()].flatMap(({ platform }) => platform ?? []))],
    onChanges: (changes, cursor, next) =>
      tellAll((channel) => writeChanges(channel, changes, { cursor, next, frames })),
    onState: (model, state) => tellOf(model, frames.state(model, state)),
    onReset: (reset) => tellOf(reset.model, frames.reset(null, reset)),
  };
}

type Queue = ReturnType<typeof createQueue>;

/** Readers that have asked for a page, in the order in which they did. */
function createQueue(signal: AbortSignal) {
  const asking: Reader[] = [];
  /** Nothing was known that they have not seen. */
  const waiting: Reader[] = [];
  const someone = createSignal(signal);
  const push = (...more: readonly Reader[]) => {
    asking.push(...more);
    if (more.length > 0) someone.give();
  };
  return {
    push,
    wait: (reader: Reader) => void waiting.push(reader),
    /** More may be known. */
    goOn: () => push(...waiting.splice(0)),
    async next(): Promise<Reader | null> {
      while (!signal.aborted) {
        const reader = asking.shift();
        if (reader?.isOpen) return reader;
        if (reader === undefined) await someone.taken();
      }
      return null;
    },
  };
}

/** Wakes whoever waits for it, now or the next time. */
function createSignal(signal: AbortSignal) {
  let given = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => given.resolve(), { once: true });
  return {
    give: () => given.resolve(),
    async taken() {
      await given.promise;
      if (!signal.aborted) given = Promise.withResolvers();
    },
  };
}

type PageDeps = ReadChangesDeps &
  Pick<FeedOptions, "clock" | "send" | "frames"> & {
    onFailure: (error: unknown) => void;
  };

/** Gives readers that are behind one page after the other. @returns when the signal aborts */
async function createPages(deps: PageDeps, hubNow: () => ReturnType<typeof newHub>, queue: Queue) {
  const { clock } = deps;
  for (let reader = await queue.next(); reader !== null; reader = await queue.next()) {
    try {
      const page = await readPage(deps, hubNow, reader);
      if (page === null) queue.wait(reader);
      else givePage(deps, reader, page);
    } catch (error) {
      deps.onFailure(error);
      queue.wait(reader);
    }
    await clock.nextTurn();
  }
}

type Page = Readonly<{ text: string; isLive: boolean }>;

/**
 * What comes next for a reader, up to where it is as far as all others, if that is near.
 *
 * @returns null where it has to wait
 */
async function readPage(
  deps: PageDeps,
  hubNow: () => ReturnType<typeof newHub>,
  reader: Reader,
): Promise<Page | null> {
  const { channel } = reader;
  const { frames, clock } = deps;
  const platforms = channel.platform === null ? [] : [channel.platform];
  const isNew = reader.cursor === null;
  for (let text = ""; ; ) {
    const { cursor: known } = hubNow();
    if (known === null) return null;
    const cursor = goApart(reader.cursor ?? known, known);
    reader.cursor = cursor;
    const next = nextChanges(cursor, known);
    if (next === null) return endPage(deps, hubNow(), { reader, text, isNew });
    const read = await readNext(deps, next, { platforms, mark: reader.mark });
    reader.cursor = advance(cursor, next, read.to);
    reader.mark = read.mark;
    text += writeChanges(channel, read.changes, { cursor, next, frames });
    const isLong = read.changes.length >= PAGE.count || text.length >= PAGE_TEXT_MAX;
    if (isLong || nextChanges(reader.cursor, known) !== null) {
      return { text, isLive: false };
    }
    await clock.nextTurn();
  }
}

/** The reader has seen all that is known, and is told from now on what all others are, if it can be. */
function endPage(
  { frames, clock }: PageDeps,
  hub: ReturnType<typeof newHub>,
  { reader, text, isNew }: Readonly<{ reader: Reader; text: string; isNew: boolean }>,
): Page | null {
  const { cursor, channel } = reader;
  if (cursor === null || hub.cursor === null) return null;
  const { platform } = channel;
  // What is being read just now is read for those who were there before.
  const isRead = hub.views === null || platform === null || hub.views.includes(platform);
  if (isRead && isEven(cursor, hub.cursor) && isWholly(cursor)) {
    const states = [...cursor.apart]
      .filter(([model]) => concerns(channel, model))
      .map(([model, { position }]) => frames.state(model, { state: "behind", position }));
    return { text: text + frames.place(formatCursor(cursor)) + states.join(""), isLive: true };
  }
  // Another process was ahead of this one, or a model is.
  const isSilent = nowMs(clock) - reader.toldAtMs >= HEARTBEAT_MS;
  return text !== "" || isNew || isSilent ? { text, isLive: false } : null;
}

const isWholly = ({ apart, ...reach }: ChangeCursor): boolean =>
  isWhole(reach) && [...apart.values()].every(isWhole);

function givePage({ send, frames, clock }: PageDeps, reader: Reader, { text, isLive }: Page): void {
  if (!reader.isOpen) return;
  const { id, channel, cursor } = reader;
  reader.toldAtMs = nowMs(clock);
  // Where nothing is for it, it learns from where to go on, and that somebody is there.
  const shown = text === "" && cursor !== null ? frames.place(formatCursor(cursor)) : text;
  send({ kind: "page", reader: id, bytes: frames.bytes(shown), isLive, channel: channel.key });
}
