import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { type Head, headOf, sealEvent } from "@counterfoil/core/stream/chain";
import {
  BULK_TYPES,
  type FoundPositions,
  type KnownEvent,
  type KnownEvents,
  PAGE_BYTES_MAX,
  type ReadRange,
} from "@counterfoil/processing/ports/event-stream";

/** The condition of a partial index; a query must repeat it word for word to be served by it. */
export const IS_INDEXED_TYPE = `type NOT IN (${[...BULK_TYPES].map((type) => `'${type}'`).join(", ")})`;

/** Columns of an event, in the order in which the SQL engines read and write rows. */
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

/** A row of these columns, as an engine returns them: numbers as its driver gives them, or as text. */
export type EventCells = readonly (string | bigint | null)[];

/** @param from how many other cells stand before */
export function eventOf(cells: EventCells, from = 0): RecordedEvent {
  const occurredAt = cells[from + 5] ?? null;
  return {
    position: Number(cells[from]),
    id: cells[from + 1] as string,
    type: cells[from + 2] as string,
    schema_version: Number(cells[from + 3]),
    subject: cells[from + 4] as string,
    occurred_at: occurredAt === null ? null : BigInt(occurredAt),
    recorded_at: BigInt(cells[from + 6] as string | bigint),
    causation_id: cells[from + 7] as string | null,
    correlation_id: cells[from + 8] as string | null,
    data: cells[from + 10] as string,
    hash: cells[from + 9] as string,
  };
}

/** A row that is written: the columns above, and the id that the event amends. */
export const WRITTEN_COLUMNS: readonly string[] = [...EVENT_COLUMNS, "about"];
type WrittenValue = string | number | bigint | null;

function writtenValues(event: RecordedEvent, about: string | null): WrittenValue[] {
  const values: WrittenValue[] = EVENT_COLUMNS.map((column) => event[column]);
  values.push(about);
  return values;
}

type SealedEvents = Readonly<{ rows: readonly (readonly WrittenValue[])[]; head: Head }>;

/** Gives events their places behind `before`; one append is one moment. `head` is the last of them. */
export function sealEvents(
  before: Head,
  events: readonly NewEvent[],
  now: Nanos,
  hashing: Hashing,
): SealedEvents {
  let head = before;
  const rows = events.map((event) => {
    const sealed = sealEvent(head, event, now, hashing);
    head = headOf(sealed);
    return writtenValues(sealed, event.about);
  });
  return { rows, head };
}

/** An event that amends another, behind the id of that one. */
export type Amendment = readonly [amends: string, event: RecordedEvent];

/** The answer to `findByIds`; amendments are in the order of the stream. */
export function knownEvents(
  head: Head,
  events: readonly RecordedEvent[],
  amendments: readonly Amendment[],
): KnownEvents {
  const known = new Map<string, KnownEvent & { amendments: RecordedEvent[] }>();
  // In a file that holds an id twice, the first one counts.
  for (const event of events) {
    if (!known.has(event.id)) known.set(event.id, { event, amendments: [] });
  }
  for (const [amends, event] of amendments) known.get(amends)?.amendments.push(event);
  return { head, known };
}

/** A cell with an id, and one with a position: as a number or as text. */
export type IdCells = readonly (string | bigint | null)[];

/** The answer to `findPositions`. @param amendments behind the id that each amends */
export function foundPositions(
  ids: readonly IdCells[],
  amendments: readonly IdCells[],
): ReadonlyMap<string, FoundPositions> {
  const found = new Map<string, { position: number; amendments: number[] }>();
  for (const [id, at] of ids) {
    const position = Number(at);
    const known = found.get(id as string);
    // In a file that holds an id twice, the first one counts.
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
  /** By the index over types; of one moment, so that no event hides one of another type before it. */
  indexed: (query: TypesQuery) => Promise<readonly RecordedEvent[]>;
  /** By looking through all positions of the range. */
  between: (query: TypesQuery) => Promise<readonly RecordedEvent[]>;
}>;

/** How many positions one step of a search looks through: a few milliseconds of an engine. */
const WINDOW = 10_000;

/**
 * Events of some types. Bulk types are searched for window by window up to the present head, since
 * they may not occur for millions of positions; in between others have a turn.
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

/** The part of a range that is looked through next. */
const windowOf = ({ after, upTo }: Positions, order: ReadRange["order"]): Positions =>
  order === "asc"
    ? { after, upTo: Math.min(after + WINDOW, upTo) }
    : { after: Math.max(after, upTo - WINDOW), upTo };
