import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, type Head, headOf } from "@counterfoil/core/stream/chain";
import { type Before, foreignEvent } from "@counterfoil/core/stream/read-event";
import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";

/** An event as sent to the server. */
export type ServerEvent = Readonly<{
  /** Identifies the event for the server, which compares these ids and never contents. */
  id: string;
  type: string;
  contentType: "application/json" | "application/octet-stream";
  metadata: Uint8Array;
  data: Uint8Array;
}>;

/** An event as returned by the server: exact bytes, not parsed. */
export type StoredEvent = Readonly<{
  revision: number;
  /** The server's id, as lower-case text. */
  id: string;
  type: string;
  metadata: Uint8Array;
  data: Uint8Array;
}>;

/** An event of the stream, with the id of the event that it amends. */
export type DecodedEvent = Readonly<{ event: RecordedEvent; amends: string | null }>;

/** The metadata: everything except `type` and `data`. Times are text, because they exceed a double. */
type Columns = Readonly<{
  id: string;
  position: number;
  schema_version: number;
  subject: string;
  occurred_at: string | null;
  recorded_at: string;
  causation_id: string | null;
  correlation_id: string | null;
  hash: string;
  about: string | null;
}>;

/**
 * Encodes an event for the server: `data` byte for byte, everything else in the metadata. Both are
 * JSON, so that the server's own browser shows them.
 *
 * @param serverId compared by the server: new for every write, the same for its retries
 */
export function encodeEvent({ event, amends }: DecodedEvent, serverId: string): ServerEvent {
  const columns: Columns = {
    id: event.id,
    position: event.position,
    schema_version: event.schema_version,
    subject: event.subject,
    occurred_at: event.occurred_at === null ? null : String(event.occurred_at),
    recorded_at: String(event.recorded_at),
    causation_id: event.causation_id,
    correlation_id: event.correlation_id,
    hash: event.hash,
    about: amends,
  };
  return {
    id: serverId,
    type: event.type,
    contentType: "application/json",
    metadata: Buffer.from(JSON.stringify(columns)),
    data: Buffer.from(event.data),
  };
}

/** @returns null if the event's format shows that this program did not write it there */
export function decodeEvent(stored: StoredEvent): DecodedEvent | null {
  const columns = columnsOf(stored.metadata);
  if (columns === null || columns.position !== stored.revision + 1) return null;
  const { about: amends, occurred_at, recorded_at, ...rest } = columns;
  const event = {
    ...rest,
    type: stored.type,
    occurred_at: occurred_at === null ? null : BigInt(occurred_at),
    recorded_at: BigInt(recorded_at),
    data: textOf(stored.data),
  };
  return { event, amends };
}

function columnsOf(metadata: Uint8Array): Columns | null {
  try {
    const columns: unknown = JSON.parse(textOf(metadata));
    return isColumns(columns) ? columns : null;
  } catch {
    return null;
  }
}

const INTEGER = /^-?\d+$/;
const isText = (value: unknown): value is string => typeof value === "string";
const isTextOrNull = (value: unknown) => value === null || isText(value);
const isNanos = (value: unknown) => isText(value) && INTEGER.test(value);

function isColumns(value: unknown): value is Columns {
  const columns = Object(value) as Partial<Record<keyof Columns, unknown>>;
  return (
    isText(columns.id) &&
    Number.isSafeInteger(columns.position) &&
    Number.isSafeInteger(columns.schema_version) &&
    isText(columns.subject) &&
    (columns.occurred_at === null || isNanos(columns.occurred_at)) &&
    isNanos(columns.recorded_at) &&
    isTextOrNull(columns.causation_id) &&
    isTextOrNull(columns.correlation_id) &&
    isText(columns.hash) &&
    isTextOrNull(columns.about)
  );
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");

/** Reads events of the stream from a position on, in order and without gaps. */
export type StoredFrom = (first: number, count: number) => AsyncIterable<StoredEvent>;

/** What an event follows, and the hash in the event before it if that is foreign. */
export type Predecessor = Before & Readonly<{ stated: string | null }>;

/**
 * Distinguishes the ledger's events from those of other clients. Every client with write access can
 * append to the server's stream, and its events stay there. An event belongs to the ledger if it can be
 * decoded and its hash continues the chain; every reader seals any other event as the same
 * `ForeignEvent`, and the chain continues after it. A client that computes the chain is not detected;
 * only write access protects against it.
 */
export type Sealing = Readonly<{
  /** @throws StreamCorrupted if the event before belonged to the ledger and was altered */
  seal(
    before: Predecessor,
    stored: StoredEvent,
  ): Readonly<{ sealed: DecodedEvent; next: Predecessor }>;
  /**
   * Finds what the event at a position follows.
   *
   * @param leading stored events directly before it, in any order. Two consecutive events of the
   *   ledger determine it; otherwise it is searched for further back
   */
  predecessor(position: number, leading: readonly StoredEvent[]): Promise<Predecessor>;
}>;

type Options = Readonly<{
  stream: string;
  ledger: string;
  empty: Head;
  hashing: Hashing;
  storedFrom: StoredFrom;
}>;

/** Number of events read back at once; foreign events are few, and rarely many in a row. */
const LOOK_BACK = { first: 16, most: 500 };

export function createSealing(options: Options): Sealing {
  const { stream, ledger, empty, hashing, storedFrom } = options;
  const start: Predecessor = { ...empty, occurredAt: null, stated: null };

  const follows = (hash: string, { event }: DecodedEvent): boolean =>
    chainHash(hash, event, hashing) === event.hash;

  function seal(before: Predecessor, stored: StoredEvent) {
    const decoded = decodeEvent(stored);
    if (decoded !== null && follows(before.hash, decoded)) {
      return { sealed: decoded, next: predecessorFrom(decoded) };
    }
    // No event of the ledger follows a foreign event's own hash, so the event before was altered.
    if (decoded !== null && before.stated !== null && follows(before.stated, decoded)) {
      throw altered(stream, before.position);
    }
    const { id: event_id, type: event_type, data } = stored;
    const content = { ledger, event_id, event_type, sha256: hashing.sha256(data) };
    const sealed = { event: foreignEvent(before, content, hashing), amends: null };
    return { sealed, next: { ...predecessorFrom(sealed), stated: decoded?.event.hash ?? null } };
  }

  const sealAll = (before: Predecessor, run: readonly StoredEvent[]): Predecessor =>
    run.reduce((last, stored) => seal(last, stored).next, before);

  /** Seals a run of events from the last certain one on. @returns null if no event in it is certain */
  function sealedEnd(run: readonly StoredEvent[]): Predecessor | null {
    if (run[0]?.revision === 0) return sealAll(start, run);
    for (let at = run.length - 1; at > 0; at -= 1) {
      const [earlier, later] = run.slice(at - 1, at + 1).map(decodeEvent);
      if (earlier && later && follows(earlier.event.hash, later)) {
        return sealAll(predecessorFrom(later), run.slice(at + 1));
      }
    }
    return null;
  }

  async function readRun(first: number, last: number): Promise<readonly StoredEvent[]> {
    const run: StoredEvent[] = [];
    for await (const stored of storedFrom(first, last - first + 1)) run.push(stored);
    if (run.length > last - first) return run;
    throw new StreamUnavailable(
      `stream ${stream} ends at position ${first + run.length - 1}, and went on to ${last} a moment ago: its server lost commits`,
    );
  }

  return {
    seal,
    async predecessor(position, leading) {
      if (position === 1) return start;
      let run = leading.toSorted((a, b) => a.revision - b.revision);
      for (let count = LOOK_BACK.first; ; count = LOOK_BACK.most) {
        const found = sealedEnd(run);
        if (found !== null) return found;
        const last = run[0]?.revision ?? position - 1;
        run = [...(await readRun(Math.max(1, last - count + 1), last)), ...run];
      }
    },
  };
}

const predecessorFrom = ({ event }: DecodedEvent): Predecessor => ({
  ...headOf(event),
  occurredAt: event.occurred_at,
  stated: null,
});

function altered(stream: string, position: number): StreamCorrupted {
  return new StreamCorrupted(
    `position ${position} of stream ${stream} is not what was recorded there, as the event behind it shows: keep the stream, run \`counterfoil verify\`, and restore a backup`,
  );
}
