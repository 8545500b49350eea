import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Head } from "@counterfoil/core/stream/chain";
import type {
  KnownEvent,
  KnownEvents,
  ReadQuery,
} from "@counterfoil/processing/ports/event-stream";
import { BULK_TYPES } from "../bulk-types.ts";
import { inTransaction } from "./database.ts";
import type { ReconnectingConnection } from "./reconnecting-connection.ts";
import type { StreamConnection } from "./stream-connection.ts";
import { type EventRow, eventOf } from "./stream-statements.ts";

export function readHead({ statements, empty }: StreamConnection): Head {
  const row = statements.head.get() as unknown as [bigint, string, bigint] | undefined;
  if (row === undefined) return empty;
  return { position: Number(row[0]), hash: row[1], recordedAt: row[2] };
}

export function readPage(
  { statements }: StreamConnection,
  after: number,
  limit: number,
): readonly RecordedEvent[] {
  return eventsOf(statements.page.all(after, limit));
}

export function readBody({ statements }: StreamConnection, sha256: string): Uint8Array | null {
  const row = statements.body.get(sha256) as unknown as [Uint8Array] | undefined;
  return row?.[0] ?? null;
}

/** In one read transaction, so that the answer is that of the head which it names. */
export function findEvents(connection: StreamConnection, ids: readonly string[]): KnownEvents {
  const { database, statements } = connection;
  return inTransaction(database, "DEFERRED", () => {
    const head = readHead(connection);
    const known = new Map<string, KnownEvent & { amendments: RecordedEvent[] }>();
    for (const event of eventsOf(statements.byIds.all(JSON.stringify([...new Set(ids)])))) {
      // In a file that holds an id twice, the first one counts.
      if (!known.has(event.id)) known.set(event.id, { event, amendments: [] });
    }
    if (known.size === 0) return { head, known };
    const rows = statements.aboutIds.all(JSON.stringify([...known.keys()]));
    for (const [about, ...row] of rows as unknown as [string, ...EventRow][]) {
      known.get(about)?.amendments.push(eventOf(row));
    }
    return { head, known };
  });
}

type TypesQuery = Required<ReadQuery>;
type Use = ReconnectingConnection<StreamConnection>["use"];

/** How many positions one step of a search looks through: a few milliseconds of this thread. */
const WINDOW = 10_000;

export async function readTypes(use: Use, query: TypesQuery): Promise<readonly RecordedEvent[]> {
  const types = [...new Set(query.types)];
  if (types.every((type) => !BULK_TYPES.has(type))) {
    return use((connection) => indexedEvents(connection, { ...query, types }));
  }
  return searchTypes(use, { ...query, types });
}

/**
 * One moment for all types: were a type looked at before another one's event is appended, and that
 * one after, a reader that goes on behind the later event would never see the earlier.
 */
function indexedEvents({ database, statements }: StreamConnection, query: TypesQuery) {
  const { after, limit, types } = query;
  return inTransaction(database, "DEFERRED", () => {
    const positions = types
      .flatMap(
        (type) => statements.indexedPositions.all(type, after, limit) as unknown as [bigint][],
      )
      .map(([position]) => Number(position))
      .sort((a, b) => a - b)
      .slice(0, limit);
    return eventsOf(statements.byPositions.all(JSON.stringify(positions)));
  });
}

/** Looks through the stream up to its present head, window by window; in between others have a turn. */
async function searchTypes(use: Use, query: TypesQuery): Promise<readonly RecordedEvent[]> {
  const listed = JSON.stringify(query.types);
  const { position: last } = await use(readHead);
  const found: RecordedEvent[] = [];
  for (let from = query.after; from < last && found.length < query.limit; from += WINDOW) {
    const to = Math.min(from + WINDOW, last);
    const left = query.limit - found.length;
    const rows = await use(({ statements }) =>
      statements.windowOfTypes.all(from, to, listed, left),
    );
    found.push(...eventsOf(rows));
    await new Promise(setImmediate);
  }
  return found;
}

function eventsOf(rows: readonly unknown[]): RecordedEvent[] {
  return (rows as readonly EventRow[]).map(eventOf);
}
