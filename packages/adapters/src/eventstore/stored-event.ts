import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";

/** An event as the server takes it. */
export type ServerEvent = Readonly<{
  /** The server's idea of identity: it compares these ids, never contents. */
  id: string;
  type: string;
  contentType: "application/json" | "application/octet-stream";
  metadata: Uint8Array;
  data: Uint8Array;
}>;

/** An event as the server returns it: exact bytes, nothing parsed. */
export type StoredEvent = Readonly<{
  revision: number;
  /** The server's, as lower-case text. */
  id: string;
  type: string;
  metadata: Uint8Array;
  data: Uint8Array;
}>;

/** An event of the stream, and the id of the event that it amends. */
export type DecodedEvent = Readonly<{ event: RecordedEvent; amends: string | null }>;

/** The metadata: everything but `type` and `data`; times as text, since they exceed a double. */
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
 * An event as the server stores it: `data` byte for byte, all else in the metadata. Both are JSON, so
 * the server's own browser shows them.
 *
 * @param serverId - what the server compares: new for every write, the same for its repeats.
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

/** @returns null where the event is none that this program wrote there, as far as its shape tells. */
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
