import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import {
  type EventStream,
  type FoundPositions,
  type KnownEvent,
  type KnownEvents,
  type OutOfReach,
  PAGE_BYTES_MAX,
  type ReadRange,
  rangeOf,
  takePage,
} from "@counterfoil/processing/ports/event-stream";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { createHeadWaiters, type HeadWaiters } from "../waiting.ts";
import {
  type Connection,
  DEFAULT_TIMING,
  openConnection,
  type StartCall,
  type Timing,
  userOf,
} from "./connection.ts";
import { catchUpIndex, type IdentityIndex, indexedTypeOf } from "./identity-index.ts";
import { prepareStream } from "./prepare-stream.ts";
import { appendEvents, createRecentHead, type StreamParts } from "./stream-append.ts";
import { createStreamBodies } from "./stream-bodies.ts";
import {
  createStreamReader,
  type ReadResponse,
  requestOf,
  type StreamReader,
  storedOf,
} from "./stream-reader.ts";

export type EventStreamOptions = Readonly<{
  /** Connection string, `esdb://user:password@host:2113?tls=true`. */
  url: string;
  ledger: string;
  hashing: Hashing;
  clock: Clock;
  /** The index of this ledger. The caller closes it after the stream. */
  index: IdentityIndex;
  /** Appends nothing and expects the stream to exist; for every role except the ingestor. */
  readOnly?: boolean;
  timing?: Partial<Timing>;
  /** Logs a warning if writing could not be restricted to this user. */
  logger?: Readonly<{ warn(fields: object, message: string): void }> | undefined;
}>;

/**
 * Opens the stream of a ledger in EventStoreDB: one stream `ledger-<name>`, whose revision 0 is
 * position 1.
 *
 * @throws ConnectionUrlInvalid if the connection string is invalid
 * @throws StreamMissing if it is opened read-only and does not exist yet
 * @throws LedgerMismatch, StreamCorrupted if it must not be used
 * @throws StreamUnavailable if it cannot be used now
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { url, ledger, hashing, clock, index, readOnly = false, logger } = options;
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const connection = openConnection(url);
  const stream = `ledger-${ledger}`;
  const empty = emptyHead(ledger, hashing);
  const reader = createStreamReader({ connection, stream, ledger, empty, hashing, timing });
  try {
    const user = userOf(url);
    await prepareStream({ connection, reader, ledger, readOnly, user, timing, logger });
  } catch (error) {
    await connection.close();
    throw error;
  }
  const bodies = createStreamBodies({ ledger, connection, page: reader.page, hashing, timing });
  const recent = createRecentHead();
  const parts = { connection, reader, bodies, index, recent, clock, hashing, timing };
  return createEventStream(parts, readOnly);
}

function createEventStream(parts: StreamParts, readOnly: boolean): EventStream {
  const { connection, reader, bodies, timing } = parts;
  const { stream } = reader;
  const headPosition = async () => (await reader.head()).position;
  const watch = createAppendWatch({ connection, stream, headPosition, timing });
  return {
    head: () => reader.head(),
    append: async (expectedPosition, events, added = []) => {
      if (readOnly) throw new Error(`the event stream ${stream} was opened read-only`);
      const result = await appendEvents(parts, { expectedPosition, events, bodies: added });
      if (result.outcome === "appended") watch.announce(result.head.position);
      return result;
    },
    read: async ({ types, ...query }) => {
      const range = rangeOf(query);
      if (types !== undefined) return readTypes(parts, { ...range, types });
      return readRange(reader, range);
    },
    readAt: (positions) => readAt(reader, positions),
    findByIds: (ids) => findByIds(parts, ids),
    findPositions: (ids) => findPositions(parts, ids),
    body: (sha256) => bodies.read(sha256),
    bodies: (digests) => bodies.readAll(digests),
    eraseBodies: async (digests) => {
      if (readOnly) throw new Error(`the event stream ${stream} was opened read-only`);
      const { known } = await findByIds(
        parts,
        digests.map((sha256) => bodyErasedId(sha256, parts.hashing)),
      );
      await bodies.erase(
        digests.filter((sha256) => known.has(bodyErasedId(sha256, parts.hashing))),
      );
      return OUT_OF_REACH;
    },
    waitForAppend: watch.wait,
    close: async () => {
      watch.close();
      await connection.close();
    },
  };
}

const OUT_OF_REACH: readonly OutOfReach[] = [
  {
    where: "chunk files of EventStoreDB, on each node",
    until: "a scavenge on that node (Admin, Scavenge) has rewritten them",
  },
];

/** Reads the events with these ids as of the head, at the positions in the index. */
async function findByIds(parts: StreamParts, ids: readonly string[]): Promise<KnownEvents> {
  const { index, reader, recent } = parts;
  const askedAt = performance.now();
  const head = recent.update(await catchUpIndex(parts), askedAt);
  const found = await index.find([...new Set(ids)], head.position);
  const positions = [...found.values()].flatMap(({ position, amendments }) => [
    position,
    ...amendments,
  ]);
  const events = new Map((await reader.at(positions)).map((event) => [event.position, event]));
  const eventAt = (position: number) => events.get(position) as RecordedEvent;
  const known = [...found].map(([id, { position, amendments }]): [string, KnownEvent] => [
    id,
    { event: eventAt(position), amendments: amendments.map(eventAt) },
  ]);
  return { head, known: new Map(known) };
}

/** Reads the positions from the index, which is caught up first. */
async function findPositions(
  parts: StreamParts,
  ids: readonly string[],
): Promise<ReadonlyMap<string, FoundPositions>> {
  const { position } = await catchUpIndex(parts);
  return parts.index.find([...new Set(ids)], position);
}

/** Reads a range of events; the server returns none after its last event. */
async function readRange(
  reader: StreamReader,
  { after, upTo, limit, order }: ReadRange,
): Promise<readonly RecordedEvent[]> {
  if (order === "asc") return reader.pageFrom(after + 1, Math.min(limit, upTo - after));
  const last = Math.min(upTo, (await reader.head()).position);
  return reader.pageBefore(last + 1, Math.min(limit, last - after));
}

type TypesQuery = ReadRange & Readonly<{ types: readonly string[] }>;

/** Reads indexed types through the index, and others by searching the stream. */
async function readTypes(parts: StreamParts, query: TypesQuery): Promise<readonly RecordedEvent[]> {
  const types = [...new Set(query.types)];
  if (types.length === 0) return [];
  const areIndexed = types.every((type) => indexedTypeOf(type) !== null);
  const read = areIndexed ? readIndexed : searchTypes;
  return read(parts, { ...query, types });
}

/** Reads all types as of one head, so that an event appended meanwhile does not hide an earlier one. */
async function readIndexed(
  parts: StreamParts,
  query: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const { position: head } = await catchUpIndex(parts);
  const upTo = Math.min(query.upTo, head);
  return pageAt(parts.reader, await parts.index.positionsOfTypes({ ...query, upTo }), query.order);
}

async function readAt(
  reader: StreamReader,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const { position: head } = await reader.head();
  const existing = positions.filter((position) => position >= 1 && position <= head);
  return pageAt(reader, existing, "asc");
}

/** @param positions in that order; all of them exist, because the index was built from the stream */
async function pageAt(
  reader: StreamReader,
  positions: readonly number[],
  order: ReadRange["order"],
): Promise<readonly RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  let bytes = 0;
  for (let at = 0; at < positions.length && bytes < PAGE_BYTES_MAX; at += AT_ONCE) {
    const events = await reader.at(positions.slice(at, at + AT_ONCE));
    found.push(...(order === "asc" ? events : events.toReversed()));
    for (const { data } of events) bytes += data.length;
  }
  return takePage(found);
}

/** Number of positions read at once, so that even the longest events fit into memory. */
const AT_ONCE = 16;

/** Number of events that one step of a search reads. */
const WINDOW = 1000;

async function searchTypes(
  { reader }: StreamParts,
  { types, ...query }: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const { limit, order } = query;
  const last = Math.min(query.upTo, (await reader.head()).position);
  const found: RecordedEvent[] = [];
  let bytes = 0;
  let { after, upTo } = { after: query.after, upTo: last };
  while (after < upTo && found.length < limit && bytes < PAGE_BYTES_MAX) {
    const events = await readRange(reader, { after, upTo, limit: WINDOW, order });
    const wanted = events.filter(({ type }) => types.includes(type));
    found.push(...wanted);
    for (const { data } of wanted) bytes += data.length;
    const reached = events.at(-1)?.position;
    if (order === "asc") after = reached ?? upTo;
    else upTo = (reached ?? 1) - 1;
  }
  return takePage(found.slice(0, limit));
}

type Options = Readonly<{
  connection: Connection;
  stream: string;
  headPosition: () => Promise<number>;
  timing: Timing;
}>;

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 5000;

/**
 * Waits for appends. One subscription serves all waiters, and is only a hint. The head is read when the
 * subscription is confirmed, because of earlier appends, and periodically, because of lost ones.
 */
export function createAppendWatch(options: Options): Omit<HeadWaiters, "look"> {
  const { headPosition, timing } = options;
  const { look, ...waiters } = createHeadWaiters({
    headPosition,
    lookAfterMs: () => timing.pollMs,
    onWait: () => subscription.start(),
    onRest: () => subscription.endLater(),
  });
  const subscription = createSubscription(options, {
    onAppend: waiters.announce,
    onConfirmed: look,
  });
  return {
    ...waiters,
    close: () => {
      waiters.close();
      subscription.end();
    },
  };
}

type Listener = Readonly<{
  onAppend: (position: number) => void;
  onConfirmed: () => Promise<void>;
}>;

/** A subscription in use; `cancel` ends its call, or the pause before the next one. */
type Attempt = { isEnded: boolean; cancel: () => void };

/** Keeps at most one subscription while there are waiters. */
function createSubscription(options: Options, listener: Listener) {
  let current: Attempt | null = null;
  let linger: NodeJS.Timeout | undefined;

  function cancelLinger(): void {
    clearTimeout(linger);
    linger = undefined;
  }

  function end(): void {
    cancelLinger();
    if (current !== null) current.isEnded = true;
    current?.cancel();
    current = null;
  }

  return {
    start: () => {
      cancelLinger();
      if (current !== null) return;
      current = { isEnded: false, cancel: () => {} };
      void follow(options, listener, current);
    },
    /** The subscription is kept for a while, because a follower usually waits again soon. */
    endLater: () => {
      if (current !== null) linger ??= setTimeout(end, options.timing.lingerMs);
    },
    end,
  };
}

/** Subscribes, and resubscribes with backoff whenever the subscription ends. */
async function follow(
  { connection, stream }: Options,
  { onAppend, onConfirmed }: Listener,
  attempt: Attempt,
): Promise<void> {
  let retryMs = RETRY_MS_MIN;
  const start = subscribeCall(stream, {
    confirmed: () => {
      retryMs = RETRY_MS_MIN;
      void onConfirmed();
    },
    appended: (revision) => onAppend(revision + 1),
  });
  while (!attempt.isEnded) {
    await connection
      .call("subscribe", null, (streams, context) => {
        const call = start(streams, context);
        attempt.cancel = call.cancel;
        if (attempt.isEnded) call.cancel();
        return call;
      })
      .catch(() => {});
    if (!attempt.isEnded) await pause(attempt, retryMs);
    retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
  }
}

function pause(attempt: Attempt, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    attempt.cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

type SubscriptionListener = Readonly<{
  /** From now on no append is missed. */
  confirmed: () => void;
  appended: (revision: number) => void;
}>;

/**
 * Subscribes to new events of a stream, which need not exist yet. The call never ends successfully; it
 * fails when the server or the connection ends it.
 */
function subscribeCall(stream: string, listener: SubscriptionListener): StartCall<never> {
  return (client, { argumentsOf }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    const request = requestOf(stream);
    request.getStream()?.setEnd(new shared.Empty());
    request.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
    const call = client.read(new streams.ReadReq().setOptions(request), ...argumentsOf());
    call.on("error", reject);
    call.on("end", () => reject(new Error("the server ended the subscription")));
    call.on("data", (response: ReadResponse) => {
      if (response.hasConfirmation()) listener.confirmed();
      const event = storedOf(response);
      if (event !== null) listener.appended(event.revision);
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}
