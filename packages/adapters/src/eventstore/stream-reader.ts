import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { type Head, headOf } from "@counterfoil/core/stream/chain";
import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import type { Connection } from "./connection.ts";
import { isNotLeader, portError } from "./engine-error.ts";
import { type ReadRequest, readCall } from "./read-call.ts";
import type { StoredEvent } from "./read-message.ts";
import { type DecodedEvent, decodeEvent } from "./stored-event.ts";
import type { Timing } from "./timing.ts";

/** Reads one ledger's stream, by positions, not revisions. */
export type StreamReader = Readonly<{
  stream: string;
  head(): Promise<Head>;
  /** Events from `first` on, at most `count`; none where the stream ends before. */
  from(first: number, count: number): Promise<readonly DecodedEvent[]>;
  /** The events at these positions, in the order of the stream. */
  at(positions: readonly number[]): Promise<readonly RecordedEvent[]>;
  /** One page as the server has it; null where there is no such stream. */
  page(request: ReadRequest): Promise<readonly StoredEvent[] | null>;
}>;

export type ReaderOptions = Readonly<{
  connection: Connection;
  stream: string;
  /** The head before the first event. */
  empty: Head;
  timing: Timing;
}>;

const PAGE_EVENTS_MAX = 500;

export function createStreamReader({
  connection,
  stream,
  empty,
  timing,
}: ReaderOptions): StreamReader {
  const page = (request: ReadRequest) => readPage(connection, request, timing);

  async function head(): Promise<Head> {
    const last = await page({ stream, direction: "backwards", from: "end", count: 1 });
    if (last === null) return empty;
    const [stored] = last;
    if (stored === undefined) throw truncated(stream, "none of its events is left");
    return headOf(decodeEvent(stored, stream).event);
  }

  /** The server ends a page when it has no more just now, so only an empty one is the end. */
  async function from(first: number, count: number): Promise<readonly DecodedEvent[]> {
    const events: DecodedEvent[] = [];
    while (events.length < count) {
      const next = first + events.length;
      const wanted = Math.min(count - events.length, PAGE_EVENTS_MAX);
      const request = { stream, direction: "forwards", from: next - 1, count: wanted } as const;
      const stored = (await page(request)) ?? [];
      if (stored.length === 0) break;
      for (const each of stored) {
        const expected = first + events.length - 1;
        if (each.revision !== expected) throw missing(stream, expected, each.revision);
        events.push(decodeEvent(each, stream));
      }
    }
    return events;
  }

  const at = (positions: readonly number[]) => readPositions(from, stream, positions);
  return { stream, head, from, at, page };
}

async function readPage(
  connection: Connection,
  request: ReadRequest,
  { silenceMs }: Timing,
): Promise<readonly StoredEvent[] | null> {
  const ask = () => connection.call("read", silenceMs, readCall(request));
  try {
    // A follower names the leader, and the client's next call goes to it.
    return await ask().catch((error) => {
      if (isNotLeader(error)) return ask();
      throw error;
    });
  } catch (error) {
    // A stream's metadata is a stream of the same name with a prefix.
    const name = request.stream.replace(/^\$\$/, "");
    throw portError(error, `stream ${name}`, connection.hosts);
  }
}

/** Positions that lie close together come by one call. */
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

/** Truncated events cannot be computed again: a truncated ledger is not a ledger. */
export function truncated(stream: string, found: string): StreamCorrupted {
  return new StreamCorrupted(
    `stream ${stream} is truncated (${found}): restore it from a backup, and remove $maxAge, $maxCount and $tb from its metadata`,
  );
}
