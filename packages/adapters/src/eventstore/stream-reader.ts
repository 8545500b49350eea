import { setTimeout as wait } from "node:timers/promises";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Head } from "@counterfoil/core/stream/chain";
import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import { PAGE_BYTES_MAX } from "@counterfoil/processing/ports/event-stream";
import { createBackoff } from "@counterfoil/processing/ports/retry";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import {
  type Connection,
  isNotLeader,
  portError,
  type StartCall,
  type Timing,
} from "./connection.ts";
import {
  createSealing,
  type DecodedEvent,
  type Predecessor,
  type Sealing,
  type StoredEvent,
  type StoredFrom,
} from "./stored-event.ts";

/** Reads one ledger's stream by positions instead of revisions. */
export type StreamReader = Readonly<{
  stream: string;
  head(): Promise<Head>;
  /**
   * The head, once it has reached this position. The server does not show events before they are
   * replicated; if that takes too long, this returns the current head.
   */
  headReaching(position: number): Promise<Head>;
  /** Events from `first` on, at most `count`; none if the stream ends before. */
  from(first: number, count: number): Promise<readonly DecodedEvent[]>;
  /** As `from`, limited to a page. */
  pageFrom(first: number, count: number): Promise<readonly RecordedEvent[]>;
  /** Events before a position, limited to a page, the last one first. */
  pageBefore(position: number, count: number): Promise<readonly RecordedEvent[]>;
  /** The events at these positions, in stream order. */
  at(positions: readonly number[]): Promise<readonly RecordedEvent[]>;
  /** One page of stored events; null if there is no such stream. */
  page(request: ReadRequest): Promise<readonly StoredEvent[] | null>;
}>;

type ReadRequest = Readonly<{
  stream: string;
  direction: "forwards" | "backwards";
  /** A revision, inclusive. */
  from: number | "start" | "end";
  count: number;
}>;

type ReaderOptions = Readonly<{
  connection: Connection;
  stream: string;
  ledger: string;
  /** The head before the first event. */
  empty: Head;
  hashing: Hashing;
  timing: Timing;
}>;

const PAGE_EVENTS_MAX = 500;

export function createStreamReader(options: ReaderOptions): StreamReader {
  const { connection, stream, ledger, empty, hashing, timing } = options;
  const page = (request: ReadRequest) => readPage(connection, request, timing);

  /** The server may return a short page, so only an empty page is the end. */
  async function* storedFrom(first: number, count: number): AsyncGenerator<StoredEvent> {
    for (let next = first; next < first + count; ) {
      const wanted = Math.min(first + count - next, PAGE_EVENTS_MAX);
      const request = { stream, direction: "forwards", from: next - 1, count: wanted } as const;
      const stored = (await page(request)) ?? [];
      if (stored.length === 0) return;
      for (const each of stored) {
        if (each.revision !== next - 1) throw missing(stream, next - 1, each.revision);
        next += 1;
        yield each;
      }
    }
  }

  const sealing = createSealing({ stream, ledger, empty, hashing, storedFrom });

  async function head(): Promise<Head> {
    const last = await page({ stream, direction: "backwards", from: "end", count: 2 });
    if (last === null) return empty;
    const [stored] = last;
    if (stored === undefined) throw truncated(stream, "none of its events is left");
    // The head is what the next event would follow.
    const { position, hash, recordedAt } = await sealing.predecessor(stored.revision + 2, last);
    return { position, hash, recordedAt };
  }

  const from = (first: number, count: number, bytesMax = Number.POSITIVE_INFINITY) =>
    readSealed(storedFrom, sealing, { first, count, bytesMax });

  const pageFrom = async (first: number, count: number) =>
    (await from(first, count, PAGE_BYTES_MAX)).map(({ event }) => event);
  const pageBefore = (position: number, count: number) =>
    readBefore({ stream, page, sealing }, position, count);
  const at = (positions: readonly number[]) => readPositions(from, stream, positions);
  const headReaching = (position: number) => awaitHead(head, position, timing);
  return { stream, head, headReaching, from, pageFrom, pageBefore, at, page };
}

type Range = Readonly<{ first: number; count: number; bytesMax: number }>;

/** Reads events with the two before them, which determine what the first one follows. */
async function readSealed(
  storedFrom: StoredFrom,
  sealing: Sealing,
  { first, count, bytesMax }: Range,
): Promise<readonly DecodedEvent[]> {
  const events: DecodedEvent[] = [];
  const leading: StoredEvent[] = [];
  const lead = Math.min(2, first - 1);
  let before: Predecessor | null = null;
  let bytes = 0;
  for await (const stored of storedFrom(first - lead, count + lead)) {
    if (stored.revision < first - 1) {
      leading.push(stored);
      continue;
    }
    before ??= await sealing.predecessor(first, leading);
    const { sealed, next } = sealing.seal(before, stored);
    events.push(sealed);
    before = next;
    bytes += stored.data.length;
    if (bytes >= bytesMax) break;
  }
  return events;
}

type Backwards = Pick<StreamReader, "stream" | "page"> & Readonly<{ sealing: Sealing }>;

/** Reads events backwards, and seals them forwards, because each follows the one before it. */
async function readBefore(
  { stream, page, sealing }: Backwards,
  position: number,
  count: number,
): Promise<readonly RecordedEvent[]> {
  const found: StoredEvent[] = [];
  let bytes = 0;
  for (let next = position - 2; next >= 0 && found.length < count && bytes < PAGE_BYTES_MAX; ) {
    const wanted = Math.min(count - found.length, PAGE_EVENTS_MAX);
    const request = { stream, direction: "backwards", from: next, count: wanted } as const;
    const stored = (await page(request)) ?? [];
    if (stored.length === 0) break;
    for (const each of stored) {
      if (each.revision !== next) throw missing(stream, next, each.revision);
      next -= 1;
      bytes += each.data.length;
      found.push(each);
      if (bytes >= PAGE_BYTES_MAX) break;
    }
  }
  const [first, ...others] = found.toReversed();
  if (first === undefined) return [];
  let before = await sealing.predecessor(first.revision + 1, []);
  const events = [first, ...others].map((stored) => {
    const { sealed, next } = sealing.seal(before, stored);
    before = next;
    return sealed.event;
  });
  return events.reverse();
}

async function awaitHead(
  head: StreamReader["head"],
  position: number,
  { replicationMs }: Timing,
): Promise<Head> {
  const until = performance.now() + replicationMs;
  const backoff = createBackoff({ delayMsMin: 5, delayMsMax: 500 });
  for (;;) {
    const found = await head();
    if (found.position >= position || performance.now() > until) return found;
    await wait(backoff.next());
  }
}

async function readPage(
  connection: Connection,
  request: ReadRequest,
  { idleTimeoutMs }: Timing,
): Promise<readonly StoredEvent[] | null> {
  const ask = () => connection.call("read", idleTimeoutMs, readCall(request));
  try {
    // If the node is a follower, the client's next call goes to the leader.
    return await ask().catch((error) => {
      if (isNotLeader(error)) return ask();
      throw error;
    });
  } catch (error) {
    // The metadata of a stream is a stream with the same name and a prefix.
    const name = request.stream.replace(/^\$\$/, "");
    throw portError(error, `stream ${name}`, connection.hosts);
  }
}

/** Close positions that are read with one call. */
type Span = Readonly<{ first: number; last: number }>;

const GAP_MAX = 32;
const CALLS_AT_ONCE = 8;

async function readPositions(
  from: StreamReader["from"],
  stream: string,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const wanted = new Set(positions);
  const spans = spansOf([...wanted].sort((a, b) => a - b));
  const pages: (readonly RecordedEvent[])[] = [];
  for (let at = 0; at < spans.length; at += CALLS_AT_ONCE) {
    const some = spans.slice(at, at + CALLS_AT_ONCE);
    pages.push(...(await Promise.all(some.map((span) => readSpan(from, stream, span)))));
  }
  return pages.flat().filter(({ position }) => wanted.has(position));
}

async function readSpan(
  from: StreamReader["from"],
  stream: string,
  { first, last }: Span,
): Promise<readonly RecordedEvent[]> {
  const events = await from(first, last - first + 1);
  if (events.length < last - first + 1) {
    throw new StreamCorrupted(
      `stream ${stream} ends at position ${first + events.length - 1}, and its index names position ${last}: restore the stream, or rebuild the index`,
    );
  }
  return events.map(({ event }) => event);
}

function spansOf(sorted: readonly number[]): readonly Span[] {
  const spans: { first: number; last: number }[] = [];
  for (const position of sorted) {
    const span = spans.at(-1);
    if (span !== undefined && position - span.last <= GAP_MAX) span.last = position;
    else spans.push({ first: position, last: position });
  }
  return spans;
}

function missing(stream: string, expected: number, found: number): StreamCorrupted {
  return truncated(stream, `revision ${found} follows where ${expected} is expected`);
}

/** The error for a truncated stream, whose missing events cannot be restored from anything else. */
export function truncated(stream: string, found: string): StreamCorrupted {
  return new StreamCorrupted(
    `stream ${stream} is truncated (${found}): restore it from a backup, and remove $maxAge, $maxCount and $tb from its metadata`,
  );
}

/** Reads one page; null if there is no such stream (never written, or soft-deleted). */
function readCall(request: ReadRequest): StartCall<readonly StoredEvent[] | null> {
  return (client, { argumentsOf, progress }) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly StoredEvent[] | null>();
    const call = client.read(readOptions(request), ...argumentsOf());
    const events: StoredEvent[] = [];
    let bytes = 0;
    let isMissing = false;
    let isOk = false;
    call.on("error", reject);
    call.on("data", (response: ReadResponse) => {
      progress();
      if (response.hasStreamNotFound()) isMissing = true;
      const event = storedOf(response);
      if (event === null || bytes >= PAGE_BYTES_MAX) return;
      events.push(event);
      bytes += event.data.length;
      if (bytes < PAGE_BYTES_MAX) return;
      resolve(events);
      call.cancel();
    });
    // "end" alone is also emitted for an interrupted call.
    call.on("status", ({ code }) => {
      isOk = code === 0;
    });
    call.on("end", () => {
      if (isOk) resolve(isMissing ? null : events);
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}

function readOptions({ stream, direction, from, count }: ReadRequest) {
  const { ReadDirection } = streams.ReadReq.Options;
  const options = requestOf(stream)
    .setCount(String(count))
    .setReadDirection(direction === "forwards" ? ReadDirection.FORWARDS : ReadDirection.BACKWARDS);
  if (from === "start") options.getStream()?.setStart(new shared.Empty());
  else if (from === "end") options.getStream()?.setEnd(new shared.Empty());
  else options.getStream()?.setRevision(String(from));
  return new streams.ReadReq().setOptions(options);
}

export type ReadResponse = InstanceType<typeof streams.ReadResp>;

/** The options common to reads and subscriptions of a stream. */
export function requestOf(stream: string) {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream).toString("base64"));
  const ofStream = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(identifier);
  const asText = new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty());
  return new streams.ReadReq.Options()
    .setStream(ofStream)
    .setNoFilter(new shared.Empty())
    .setUuidOption(asText);
}

/** The event in a message; null if there is none. */
export function storedOf(response: ReadResponse): StoredEvent | null {
  const record = response.getEvent()?.getEvent();
  if (record === undefined) return null;
  return {
    revision: Number(record.getStreamRevision()),
    id: record.getId()?.getString().toLowerCase() ?? "",
    type: record.getMetadataMap().get("type") ?? "",
    metadata: record.getCustomMetadata_asU8(),
    data: record.getData_asU8(),
  };
}
