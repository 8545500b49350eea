import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Hashing } from "@counterfoil/core/hashing";
import { emptyHead } from "@counterfoil/core/stream/chain";
import type { Clock } from "@counterfoil/processing/ports/clock";
import {
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import {
  type EventStream,
  type FoundPositions,
  isTrial,
  type KnownEvent,
  type KnownEvents,
  type OutOfReach,
  PAGE_BYTES_MAX,
  type ReadRange,
  rangeOf,
  takePage,
} from "@counterfoil/processing/ports/event-stream";
import {
  type Connection,
  DEFAULT_TIMING,
  openConnection,
  type Timing,
  userOf,
} from "./connection.ts";
import { catchUpIndex, type IdentityIndex, indexedTypeOf } from "./identity-index.ts";
import { decodeEvent } from "./stored-event.ts";
import {
  appendEvents,
  createAppendWatch,
  createRecentHead,
  type StreamParts,
} from "./stream-append.ts";
import { createStreamBodies } from "./stream-bodies.ts";
import { createStreamReader, type StreamReader, truncated } from "./stream-reader.ts";
import { writeEvents } from "./write.ts";

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

type PrepareOptions = Readonly<{
  connection: Connection;
  reader: StreamReader;
  ledger: string;
  readOnly: boolean;
  /** The authenticated user; null without authentication. */
  user: string | null;
  timing: Timing;
  logger?: Readonly<{ warn(fields: object, message: string): void }> | undefined;
}>;

/**
 * Checks a stream before it is used, and restricts writing to a new one to this user. It makes the
 * first call to the server, so that a wrong connection string, password or port is detected at once.
 *
 * @throws StreamMissing if it is opened read-only and does not exist
 * @throws StreamCorrupted if its beginning was truncated, or its metadata lets the server truncate it
 * @throws LedgerMismatch if its first event belongs to another ledger, or to another client
 */
async function prepareStream(options: PrepareOptions): Promise<void> {
  const { reader, ledger, readOnly } = options;
  const metadata = await readMetadata(reader);
  const { stream } = reader;
  const page = await reader.page({ stream, direction: "forwards", from: "start", count: 1 });
  if (page === null) {
    if (!readOnly) return restrictToUser(options, metadata);
    throw new StreamMissing(`no event stream ${stream} yet: the first ingestor creates it`);
  }
  const [first] = page;
  if (first === undefined) throw truncated(stream, "none of its events is left");
  if (first.revision !== 0) throw truncated(stream, `it begins at revision ${first.revision}`);
  const event = decodeEvent(first)?.event;
  if (event === undefined) {
    throw new LedgerMismatch(
      `stream ${stream} begins with ${first.type} of another client, expected LedgerOpened: set another COUNTERFOIL_LEDGER`,
    );
  }
  const name = event.type === "LedgerOpened" ? nameIn(event.data) : ledger;
  if (name === ledger) return;
  throw new LedgerMismatch(
    `stream ${stream} holds ledger "${name}", expected "${ledger}": set COUNTERFOIL_LEDGER or COUNTERFOIL_EVENTSTORE_URL so that they agree`,
  );
}

type Metadata = Readonly<{ revision: number; settings: Readonly<Record<string, unknown>> }>;

const TRUNCATING = ["$maxAge", "$maxCount", "$tb"];

/** @throws StreamCorrupted if settings let the server drop events, now or at its next scavenge */
async function readMetadata({ stream, page }: StreamReader): Promise<Metadata> {
  const metastream = `$$${stream}`;
  const request = { stream: metastream, direction: "backwards", from: "end", count: 1 } as const;
  const [last] = (await page(request)) ?? [];
  if (last === undefined) return { revision: -1, settings: {} };
  const settings = Object(parsed(last.data, metastream)) as Metadata["settings"];
  const set = TRUNCATING.filter((key) => Boolean(settings[key]));
  if (set.length > 0) throw truncated(stream, `its metadata sets ${set.join(", ")}`);
  return { revision: last.revision, settings };
}

function parsed(data: Uint8Array, metastream: string): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    throw new StreamCorrupted(`the metadata in ${metastream} is no JSON: write it again`);
  }
}

function nameIn(data: string): unknown {
  return (JSON.parse(data) as { name?: unknown }).name;
}

/**
 * By default every user of the server may append to any stream, and no event can be removed again. With
 * authentication, only this user may write to a new ledger, delete it, or change its metadata. An
 * existing ACL is left unchanged. If two ingestors start at once, one of them sets it.
 */
async function restrictToUser(
  { connection, reader, user, timing, logger }: PrepareOptions,
  { revision, settings }: Metadata,
): Promise<void> {
  if (user === null || settings.$acl !== undefined) return;
  const acl = { $w: [user], $d: [user], $mw: [user] };
  const event = {
    id: crypto.randomUUID(),
    type: "$metadata",
    contentType: "application/json" as const,
    metadata: new Uint8Array(),
    data: Buffer.from(JSON.stringify({ ...settings, $acl: acl })),
  };
  const stream = `$$${reader.stream}`;
  try {
    await writeEvents(connection, { stream, expectedRevision: revision, events: [event] }, timing);
  } catch (error) {
    if (!(error instanceof StreamUnavailable)) throw error;
    const message = "the stream could not be kept for this user alone: set its $acl by hand";
    logger?.warn({ err: error, stream: reader.stream, acl }, message);
  }
}

function createEventStream(parts: StreamParts, readOnly: boolean): EventStream {
  const { connection, reader, bodies, timing } = parts;
  const { stream } = reader;
  const headPosition = async () => (await reader.head()).position;
  const watch = createAppendWatch({ connection, stream, headPosition, timing });
  return {
    head: () => reader.head(),
    append: async (expectedPosition, events, added = []) => {
      if (readOnly && !isTrial(events, added))
        throw new Error(`the event stream ${stream} was opened read-only`);
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
  { upTo, limit, order, ...range }: ReadRange,
): Promise<readonly RecordedEvent[]> {
  const after = Math.max(range.after, 0);
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
