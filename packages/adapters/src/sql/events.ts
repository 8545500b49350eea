import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, type Nanos, TIME_MAX } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { type Head, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import {
  BULK_TYPES,
  type FoundPositions,
  type KnownEvent,
  type KnownEvents,
  PAGE_BYTES_MAX,
  type ReadRange,
} from "@counterfoil/processing/ports/event-stream";

/** The condition of a partial index; a query must repeat it literally to use that index. */
export const IS_INDEXED_TYPE = `type NOT IN (${[...BULK_TYPES].map((type) => `'${type}'`).join(", ")})`;

/** The columns of an event, in the order in which both SQL engines read and write them. */
export const EVENT_COLUMNS = [
  "position",
  "id",
  "type",
  "schema_version",
  "subject",
  "occurred_at",
  "recorded_at",
  "causation_id",
  "correlation_id",
  "hash",
  "data",
] as const satisfies readonly (keyof RecordedEvent)[];

export const OF_EVENT = EVENT_COLUMNS.map((column) => `e.${column}`).join(", ");

/** A row of these columns as the driver returns it: a number is a bigint or text. */
export type EventCells = readonly (string | bigint | null)[];

/** @param from the number of other cells before those of the event */
export function eventOf(cells: EventCells, from = 0): RecordedEvent {
  const occurredAt = cells[from + 5] ?? null;
  return {
    position: Number(cells[from]),
    id: cells[from + 1] as string,
    type: cells[from + 2] as string,
    schema_version: Number(cells[from + 3]),
    subject: cells[from + 4] as string,
    occurred_at: occurredAt === null ? null : nanosIn(cells, from, 5),
    recorded_at: nanosIn(cells, from, 6),
    causation_id: cells[from + 7] as string | null,
    correlation_id: cells[from + 8] as string | null,
    data: cells[from + 10] as string,
    hash: cells[from + 9] as string,
  };
}

/** @throws StreamCorrupted if somebody else wrote something that is no number */
function nanosIn(cells: EventCells, from: number, at: number): Nanos {
  const cell = cells[from + at];
  if (typeof cell === "bigint") return cell;
  if (typeof cell === "string" && /^-?\d+$/.test(cell)) return BigInt(cell);
  throw new StreamCorrupted(
    `position ${cells[from]}: ${EVENT_COLUMNS[at]} is ${JSON.stringify(cell)}, expected an integer: restore a backup from before it was changed`,
  );
}

/** The columns of a written row: those above, and the id that the event amends. */
export const WRITTEN_COLUMNS: readonly string[] = [...EVENT_COLUMNS, "about"];
type WrittenValue = string | number | bigint | null;

function writtenValues(event: RecordedEvent, about: string | null): WrittenValue[] {
  const values: WrittenValue[] = EVENT_COLUMNS.map((column) => event[column]);
  values.push(about);
  return values;
}

type SealedEvents = Readonly<{ rows: readonly (readonly WrittenValue[])[]; head: Head }>;

/**
 * Chains the events of one append to the head `before`. Each is recorded at `now`, the same for all,
 * unless it has its own time or the event before it is later.
 *
 * @returns the rows to write, and the stream's head after them
 * @throws StreamUnavailable if the clock is beyond what can be stored
 */
export function sealEvents(
  before: Head,
  events: readonly NewEvent[],
  now: Nanos,
  hashing: Hashing,
): SealedEvents {
  if (now > TIME_MAX) {
    throw new StreamUnavailable(
      `this machine's clock says ${formatTime(now)}, and times are stored up to ${formatTime(TIME_MAX)}: set the clock`,
    );
  }
  let head = before;
  const rows = events.map((event) => {
    const sealed = sealEvent(head, event, now, hashing);
    head = headOf(sealed);
    return writtenValues(sealed, event.about);
  });
  return { rows, head };
}

/** The id of an amended event, and the event that amends it. */
export type Amendment = readonly [amends: string, event: RecordedEvent];

/** An event that no reader would reach, and whose fact would never be recorded. */
const strayText = ({ id, position }: RecordedEvent): string =>
  `event ${id} is stored at position ${position}, and the first position is 1: somebody else wrote it; keep it, run \`counterfoil verify\`, and remove it or restore a backup`;

/**
 * The result of `findByIds`; amendments must be in stream order.
 *
 * @throws StreamCorrupted for an event before position 1
 */
export function knownEvents(
  head: Head,
  events: readonly RecordedEvent[],
  amendments: readonly Amendment[],
): KnownEvents {
  const known = new Map<string, KnownEvent & { amendments: RecordedEvent[] }>();
  // In a file that holds an id twice, the first event is used.
  for (const event of events) {
    if (event.position < 1) throw new StreamCorrupted(strayText(event));
    if (!known.has(event.id)) known.set(event.id, { event, amendments: [] });
  }
  for (const [amends, event] of amendments) known.get(amends)?.amendments.push(event);
  return { head, known };
}

/** An id and a position; the position is a bigint or text. */
export type IdCells = readonly (string | bigint | null)[];

/** The result of `findPositions`. @param amendments each with the id that it amends */
export function foundPositions(
  ids: readonly IdCells[],
  amendments: readonly IdCells[],
): ReadonlyMap<string, FoundPositions> {
  const found = new Map<string, { position: number; amendments: number[] }>();
  for (const [id, at] of ids) {
    const position = Number(at);
    const known = found.get(id as string);
    // In a file that holds an id twice, the first event is used.
    if (known === undefined || position < known.position) {
      found.set(id as string, { position, amendments: [] });
    }
  }
  for (const [about, at] of amendments) found.get(about as string)?.amendments.push(Number(at));
  for (const [, { amendments: positions }] of found) positions.sort((a, b) => a - b);
  return found;
}

export type TypesQuery = ReadRange & Readonly<{ types: readonly string[] }>;

type TypedEvents = Readonly<{
  headPosition: () => Promise<number>;
  /** Reads all types from the type index in one snapshot, so that no earlier event of a type is missed. */
  indexed: (query: TypesQuery) => Promise<readonly RecordedEvent[]>;
  /** Scans all positions of the range. */
  between: (query: TypesQuery) => Promise<readonly RecordedEvent[]>;
}>;

/** Positions scanned in one step of a search, which takes an engine a few milliseconds. */
const WINDOW = 10_000;

/**
 * Reads events of some types. Bulk types are not indexed and may not occur for millions of positions,
 * so the stream is scanned in windows up to the current head; the event loop is free between windows.
 */
export async function readTypes(
  { headPosition, indexed, between }: TypedEvents,
  query: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const types = [...new Set(query.types)];
  if (types.every((type) => !BULK_TYPES.has(type))) return indexed({ ...query, types });
  const last = Math.min(query.upTo, await headPosition());
  const found: RecordedEvent[] = [];
  let bytes = 0;
  for (let range = { after: query.after, upTo: last }; found.length < query.limit; ) {
    const window = windowOf(range, query.order);
    if (window.after >= window.upTo) break;
    const limit = query.limit - found.length;
    const page = await between({ ...query, ...window, types, limit });
    found.push(...page);
    for (const { data } of page) bytes += data.length;
    if (bytes >= PAGE_BYTES_MAX) break;
    range =
      query.order === "asc" ? { ...range, after: window.upTo } : { ...range, upTo: window.after };
    await new Promise(setImmediate);
  }
  return found;
}

type Positions = Pick<ReadRange, "after" | "upTo">;

/** The part of a range to scan next. */
const windowOf = ({ after, upTo }: Positions, order: ReadRange["order"]): Positions =>
  order === "asc"
    ? { after, upTo: Math.min(after + WINDOW, upTo) }
    : { after: Math.max(after, upTo - WINDOW), upTo };
