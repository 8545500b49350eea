import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Head } from "@counterfoil/core/stream/chain";
import { type KnownEvents, takePage } from "@counterfoil/processing/ports/event-stream";
import {
  type Amendment,
  type EventCells,
  eventOf,
  knownEvents,
  readTypes,
  type TypesQuery,
} from "../sql/events.ts";
import { inTransaction, type ReconnectingConnection } from "./database.ts";
import type { StreamConnection } from "./stream-file.ts";

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
  return takePage(events(statements.page.iterate(after, limit)));
}

export function readBody({ statements }: StreamConnection, sha256: string): Uint8Array | null {
  const row = statements.body.get(sha256) as unknown as [Uint8Array] | undefined;
  return row?.[0] ?? null;
}

/** In one read transaction, so that the answer is that of the head which it names. */
export function findByIds(connection: StreamConnection, ids: readonly string[]): KnownEvents {
  const { database, statements } = connection;
  return inTransaction(database, "DEFERRED", () => {
    const head = readHead(connection);
    const found = [...events(statements.byIds.iterate(JSON.stringify([...new Set(ids)])))];
    if (found.length === 0) return knownEvents(head, [], []);
    const foundIds = new Set(found.map(({ id }) => id));
    const rows = statements.amendments.all(JSON.stringify([...foundIds]));
    const amendments = (rows as unknown as EventCells[]).map(
      (cells): Amendment => [cells[0] as string, eventOf(cells, 1)],
    );
    return knownEvents(head, found, amendments);
  });
}

type Use = ReconnectingConnection<StreamConnection>["use"];

export function readEventsOfTypes(use: Use, query: TypesQuery): Promise<readonly RecordedEvent[]> {
  const source = {
    headPosition: async () => (await use(readHead)).position,
    indexed: (query: TypesQuery) => use((connection) => indexedEvents(connection, query)),
    between: ({ after, upTo, types, limit }: TypesQuery & { upTo: number }) =>
      use(({ statements }) =>
        takePage(
          events(statements.windowOfTypes.iterate(after, upTo, JSON.stringify(types), limit)),
        ),
      ),
  };
  return readTypes(source, query);
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
    return takePage(events(statements.byPositions.iterate(JSON.stringify(positions))));
  });
}

/** Row by row: whoever has enough leaves the others unread. */
function* events(rows: Iterable<unknown>): Generator<RecordedEvent> {
  for (const cells of rows) yield eventOf(cells as EventCells);
}
