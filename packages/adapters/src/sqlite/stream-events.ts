import { setTimeout as wait } from "node:timers/promises";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Head } from "@counterfoil/core/stream/chain";
import { eventIdTaken, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import {
  type AppendResult,
  type Body,
  countBetween,
  type FoundPositions,
  isTrial,
  type KnownEvents,
  mayFollow,
  type OutOfReach,
  type ReadRange,
  rangeOf,
  takePage,
} from "@counterfoil/processing/ports/event-stream";
import {
  type Amendment,
  type EventCells,
  eventOf,
  foundPositions,
  type IdCells,
  knownEvents,
  readTypes,
  sealEvents,
  type TypesQuery,
} from "../sql/events.ts";
import { inTransaction, isUniqueViolation, type ReconnectingConnection } from "./database.ts";
import {
  KEEPS_NO_REMNANTS,
  type StreamConnection,
  type StreamStatements,
  writeFormat,
} from "./stream-file.ts";

export function readHead({ statements, empty }: StreamConnection): Head {
  const row = statements.head.get() as unknown as [bigint, string, bigint] | undefined;
  if (row === undefined) return empty;
  return { position: Number(row[0]), hash: row[1], recordedAt: row[2] };
}

export function readPage(
  { statements }: StreamConnection,
  { after, upTo, limit, order }: ReadRange,
): readonly RecordedEvent[] {
  const statement = order === "asc" ? statements.page : statements.pageBackwards;
  return takePage(events(statement.iterate(after, upTo, limit)));
}

export function readBody({ statements }: StreamConnection, sha256: string): Uint8Array | null {
  const row = statements.body.get(sha256) as unknown as [Uint8Array] | undefined;
  return row?.[0] ?? null;
}

export function readBodies(
  connection: StreamConnection,
  digests: readonly string[],
): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const sha256 of digests) {
    const bytes = readBody(connection, sha256);
    if (bytes !== null) found.set(sha256, bytes);
  }
  return found;
}

export function readAt(
  { statements }: StreamConnection,
  positions: readonly number[],
): readonly RecordedEvent[] {
  return takePage(events(statements.byPositions.iterate(JSON.stringify(positions))));
}

/** Reads in one transaction, so that the events and the returned head are of one snapshot. */
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

export function findPositions(
  { database, statements }: StreamConnection,
  ids: readonly string[],
): ReadonlyMap<string, FoundPositions> {
  const listed = JSON.stringify([...new Set(ids)]);
  return inTransaction(database, "DEFERRED", () => {
    const found = statements.idPositions.all(listed) as unknown as IdCells[];
    const amendments = statements.amendmentPositions.all(listed) as unknown as IdCells[];
    return foundPositions(found, amendments);
  });
}

type Use = ReconnectingConnection<StreamConnection>["use"];

export function readEventsOfTypes(use: Use, query: TypesQuery): Promise<readonly RecordedEvent[]> {
  const source = {
    headPosition: async () => (await use(readHead)).position,
    indexed: (query: TypesQuery) => use((connection) => indexedEvents(connection, query)),
    between: ({ after, upTo, types, limit, order }: TypesQuery) =>
      use(({ statements }) => {
        const { windowOfTypes, windowOfTypesBackwards } = statements;
        const statement = order === "asc" ? windowOfTypes : windowOfTypesBackwards;
        return takePage(events(statement.iterate(after, upTo, JSON.stringify(types), limit)));
      }),
  };
  return readTypes(source, query);
}

/**
 * Reads all types in one snapshot. Otherwise an event could be appended after its type was read, and
 * a later event be found for the type read next; a reader that continues after the later event would
 * never see the earlier one.
 */
function indexedEvents({ database, statements }: StreamConnection, query: TypesQuery) {
  const { after, upTo, limit, types, order } = query;
  const isForwards = order === "asc";
  const ofType = isForwards ? statements.indexedPositions : statements.indexedPositionsBackwards;
  const byPositions = isForwards ? statements.byPositions : statements.byPositionsBackwards;
  return inTransaction(database, "DEFERRED", () => {
    const positions = types
      .flatMap((type) => ofType.all(type, after, upTo, limit) as unknown as [bigint][])
      .map(([position]) => Number(position))
      .sort(isForwards ? (a, b) => a - b : (a, b) => b - a)
      .slice(0, limit);
    return takePage(events(byPositions.iterate(JSON.stringify(positions))));
  });
}

/** Decodes row by row, so that rows after a full page are not read. */
function* events(rows: Iterable<unknown>): Generator<RecordedEvent> {
  for (const cells of rows) yield eventOf(cells as EventCells);
}

export type Append = Readonly<{
  expectedPosition: number;
  events: readonly NewEvent[];
  bodies: readonly Body[];
  unlessAbout: ReadonlySet<string> | undefined;
  /** The recording time of the events, unless they have their own or the event before is later. */
  now: Nanos;
}>;

/**
 * Appends in one transaction that holds the write lock from its beginning: the head that it reads
 * stays the head until it commits, so positions have no gaps and `conflict` is certain. The table's
 * unique constraint rejects an id that is already stored.
 *
 * @throws EventIdTaken
 */
export function appendEvents(
  connection: StreamConnection,
  { expectedPosition, events, bodies, unlessAbout, now }: Append,
  hashing: Hashing,
): AppendResult {
  const { database, statements } = connection;
  try {
    return inTransaction(database, "IMMEDIATE", () => {
      const before = readHead(connection);
      const count = countBetween(expectedPosition, before, unlessAbout);
      if (count === null) return { outcome: "conflict" };
      const range = rangeOf({ after: expectedPosition, limit: count });
      const between = count === 0 ? [] : readPage(connection, range);
      if (!mayFollow(between, unlessAbout, count)) return { outcome: "conflict" };
      if (isTrial(events, bodies)) writeFormat(database);
      // Bytes that are delivered several times are stored once.
      for (const { sha256, bytes } of bodies) {
        statements.insertBody.run(sha256, bytes, bodyErasedId(sha256, hashing));
      }
      const { rows, head } = sealEvents(before, events, now, hashing);
      for (const row of rows) statements.insert.run(...row);
      return { outcome: "appended", head };
    });
  } catch (error) {
    throw isUniqueViolation(error) ? idTaken(statements, events, error) : error;
  }
}

function idTaken({ byIds }: StreamStatements, events: readonly NewEvent[], cause: unknown) {
  const ids = events.map(({ id }) => id);
  const [stored] = byIds.all(JSON.stringify(ids)) as unknown as EventCells[];
  return eventIdTaken(ids, stored === undefined ? null : String(stored[1]), cause);
}

/**
 * Deletes bodies, overwrites their bytes, and truncates the log that may contain them too. It can run
 * beside a service: appends wait some milliseconds for the deletion and for the log.
 *
 * A file that was written before deletions overwrote bytes may contain copies of bodies in pages that
 * were split. It is rewritten once, while appends wait; later erasures need not do it again.
 *
 * @throws StreamUnavailable if another process reads from the log for too long
 */
export async function eraseBodies(
  use: Use,
  file: string,
  digests: readonly string[],
  hashing: Hashing,
): Promise<readonly OutOfReach[]> {
  await use((connection) => deleteBodies(connection, digests, hashing));
  await use(vacuumOnce);
  await truncateLog(use, file);
  return OUT_OF_REACH;
}

const OUT_OF_REACH: readonly OutOfReach[] = [
  {
    where: "blocks of the disk that a file system or a drive with copies on write has set aside",
    until: "it uses them again; encrypted disks that are thrown away whole need no wait",
  },
];

function deleteBodies(
  { database, statements }: StreamConnection,
  digests: readonly string[],
  hashing: Hashing,
): void {
  inTransaction(database, "IMMEDIATE", () => {
    for (const sha256 of digests) {
      statements.eraseBody.run(sha256, bodyErasedId(sha256, hashing));
    }
  });
}

function vacuumOnce({ database }: StreamConnection): void {
  const known = database.prepare("SELECT 1 FROM meta WHERE key = ?").get(KEEPS_NO_REMNANTS);
  if (known !== undefined) return;
  database.exec("VACUUM");
  database.prepare("INSERT OR IGNORE INTO meta VALUES (?, 'written anew')").run(KEEPS_NO_REMNANTS);
}

const TRUNCATE_TIMEOUT_MS = 30_000;
const PAUSE_MS = 25;

/** Moves the log's content into the database and truncates the log; retries while a reader uses it. */
async function truncateLog(use: Use, file: string): Promise<void> {
  const deadline = performance.now() + TRUNCATE_TIMEOUT_MS;
  const isTruncated = ({ database }: StreamConnection) =>
    database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0;
  while (!(await use(isTruncated))) {
    if (performance.now() > deadline) {
      throw new StreamUnavailable(
        `the bytes are gone from ${file}, but its log ${file}-wal may hold them still, since another process has read from it for ${TRUNCATE_TIMEOUT_MS / 1000} s: erase once more when that has ended`,
      );
    }
    await wait(PAUSE_MS);
  }
}
