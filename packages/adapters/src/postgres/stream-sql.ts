import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Head } from "@counterfoil/core/stream/chain";
import {
  type FoundPositions,
  type KnownEvents,
  PAGE_BYTES_MAX,
  type ReadRange,
} from "@counterfoil/processing/ports/event-stream";
import type { ClientBase } from "pg";
import {
  type Amendment,
  EVENT_COLUMNS,
  eventOf,
  foundPositions,
  IS_INDEXED_TYPE,
  knownEvents,
  OF_EVENT,
  readTypes,
  type TypesQuery,
  WRITTEN_COLUMNS,
} from "../sql/events.ts";
import { quoted } from "../sql/tables.ts";
import { type Cells, type Pool, queryCells, type Statement } from "./client.ts";
import type { Layout } from "./layout.ts";
import { ledgerSchema } from "./server.ts";

/**
 * The appending process assigns positions. A sequence would leave gaps, and could show a later event
 * before an earlier one. `data` is text, which preserves its bytes; text that is compared or ordered
 * uses byte order ("C"), independent of the database's collation.
 *
 * `events_rare` contains `position + 0`, an expression that the primary key cannot serve. With the plain
 * position the planner may expect to find an indexed type soon in the primary key, and then scan
 * millions of events for nothing.
 */
export const STREAM_LAYOUT: Layout = {
  part: "stream",
  migrations: [
    (schema) => `
      CREATE TABLE ${schema}.events (
        position bigint PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        type text COLLATE "C" NOT NULL,
        schema_version integer NOT NULL,
        subject text COLLATE "C" NOT NULL,
        occurred_at bigint,
        recorded_at bigint NOT NULL,
        causation_id text,
        correlation_id text,
        hash text COLLATE "C" NOT NULL,
        about text COLLATE "C",
        data text NOT NULL
      );
      CREATE INDEX events_about ON ${schema}.events (about, position) WHERE about IS NOT NULL;
      CREATE INDEX events_rare ON ${schema}.events (type, (position + 0)) WHERE ${IS_INDEXED_TYPE};
      CREATE TABLE ${schema}.bodies (sha256 text COLLATE "C" PRIMARY KEY, bytes bytea NOT NULL);`,
  ],
};

export type StreamStatements = Readonly<Record<keyof ReturnType<typeof textsOf>, Statement>>;

export function streamStatements(ledger: string): StreamStatements {
  const texts = textsOf(quoted(ledgerSchema(ledger)));
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, { name, text }]),
  ) as StreamStatements;
}

const textsOf = (schema: string) => ({
  head: `SELECT position, hash, recorded_at FROM ${schema}.events ORDER BY position DESC LIMIT 1`,
  hashAt: `SELECT hash FROM ${schema}.events WHERE position = $1`,
  // Released with the transaction, so that a dead or idle connection does not block other appends.
  lock: "SELECT pg_advisory_xact_lock($1)",
  append: appendText(schema),
  // Positions have no gaps, so a range of them needs neither a sort nor a limit.
  page: pageOf(`SELECT * FROM ${schema}.events WHERE position > $1 AND position <= $2`),
  pageBackwards: pageOf(
    `SELECT * FROM ${schema}.events WHERE position > $1 AND position <= $2 ORDER BY position DESC LIMIT $3`,
    "DESC",
  ),
  at: pageOf(`SELECT * FROM ${schema}.events WHERE position = ANY($1::bigint[])`),
  windowOfTypes: windowOfTypesText(schema, "ASC"),
  windowOfTypesBackwards: windowOfTypesText(schema, "DESC"),
  ofIndexedTypes: ofIndexedTypesText(schema, "ASC"),
  ofIndexedTypesBackwards: ofIndexedTypesText(schema, "DESC"),
  findByIds: findByIdsText(schema),
  idPositions: `SELECT id, position FROM ${schema}.events WHERE id = ANY($1::text[])`,
  amendmentPositions: `SELECT about, position FROM ${schema}.events WHERE about = ANY($1::text[])`,
  body: `SELECT encode(bytes, 'hex') FROM ${schema}.bodies WHERE sha256 = $1`,
  bodies: `
    SELECT body.sha256, encode(body.bytes, 'hex') FROM unnest($1::text[]) AS wanted (sha256)
    CROSS JOIN LATERAL (SELECT * FROM ${schema}.bodies WHERE sha256 = wanted.sha256) AS body`,
  eraseBodies: `
    DELETE FROM ${schema}.bodies
    USING unnest($1::text[], $2::text[]) AS erased (sha256, id)
    WHERE bodies.sha256 = erased.sha256
      AND EXISTS (SELECT FROM ${schema}.events AS e WHERE e.id = erased.id)`,
  takenId: `SELECT id FROM ${schema}.events WHERE id = ANY($1::text[]) LIMIT 1`,
});

type Order = "ASC" | "DESC";

/** Scans a bounded window, since these types may not occur for millions of positions. */
const windowOfTypesText = (schema: string, order: Order): string =>
  pageOf(
    `SELECT * FROM ${schema}.events WHERE position > $1 AND position <= $2 AND type = ANY($3::text[]) ORDER BY position ${order} LIMIT $4`,
    order,
  );

/**
 * Reads all types in one statement, and so in one snapshot: a reader that continues after the last event
 * of the result has missed none.
 */
const ofIndexedTypesText = (schema: string, order: Order): string =>
  pageOf(
    `SELECT e.* FROM unnest($1::text[]) AS wanted (type)
    CROSS JOIN LATERAL (
      SELECT * FROM ${schema}.events
      WHERE type = wanted.type AND ${IS_INDEXED_TYPE} AND position + 0 > $2 AND position + 0 <= $3
      ORDER BY position + 0 ${order} LIMIT $4
    ) AS e
    ORDER BY e.position ${order} LIMIT $4`,
    order,
  );

/**
 * Limits events to those up to and including the one that fills a page. The length of a long text is
 * known without reading it, so the server reads only what it sends.
 */
function pageOf(events: string, order: Order = "ASC"): string {
  return `
    SELECT ${OF_EVENT} FROM (
      SELECT e.*, sum(octet_length(data)) OVER (ORDER BY position ${order} ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (${events}) AS e
    ) AS e
    WHERE bytes - octet_length(data) < ${PAGE_BYTES_MAX} ORDER BY position ${order}`;
}

const NUMBERS: ReadonlySet<string> = new Set([
  "position",
  "schema_version",
  "occurred_at",
  "recorded_at",
]);

const typeOf = (column: string): "bigint" | "text" => (NUMBERS.has(column) ? "bigint" : "text");

/**
 * Appends if the head still has the hash that the events are chained to ($1; $2 is that of the empty
 * stream), and returns a row only then. An earlier statement took the lock, so the snapshot of this
 * one shows every earlier append.
 */
function appendText(schema: string): string {
  const arrays = WRITTEN_COLUMNS.map((column, at) => `$${at + 6}::${typeOf(column)}[]`).join(", ");
  return `
    WITH guard AS (
      SELECT WHERE coalesce(
        (SELECT hash FROM ${schema}.events ORDER BY position DESC LIMIT 1), $2) = $1
    ), stored AS (
      INSERT INTO ${schema}.bodies (sha256, bytes)
      SELECT body.sha256, body.bytes
      FROM guard, unnest($3::text[], $4::bytea[], $5::text[]) AS body (sha256, bytes, erased)
      WHERE NOT EXISTS (SELECT FROM ${schema}.events WHERE id = body.erased)
      -- One delivery's bytes are one body, however often they come.
      ON CONFLICT (sha256) DO NOTHING
    ), added AS (
      INSERT INTO ${schema}.events (${WRITTEN_COLUMNS.join(", ")})
      SELECT event.* FROM guard, unnest(${arrays}) AS event
    )
    SELECT pg_notify($18, $19) FROM guard`;
}

/**
 * Reads the head, known events and amendments in one snapshot; `kind` tells the rows apart. They are not
 * ordered, because for an order the planner may scan the whole primary key.
 */
function findByIdsText(schema: string): string {
  const nothing: string[] = EVENT_COLUMNS.slice(1).map(() => "NULL");
  nothing[EVENT_COLUMNS.indexOf("hash") - 1] = "hash";
  nothing[EVENT_COLUMNS.indexOf("recorded_at") - 1] = "recorded_at";
  return `
    (SELECT 'head' AS kind, NULL AS about, position, ${nothing.join(", ")}
      FROM ${schema}.events ORDER BY position DESC LIMIT 1)
    UNION ALL
    SELECT 'known', NULL, ${OF_EVENT} FROM ${schema}.events AS e WHERE e.id = ANY($1::text[])
    UNION ALL
    SELECT 'amendment', e.about, ${OF_EVENT} FROM ${schema}.events AS e WHERE e.about = ANY($1::text[])`;
}

/** The statements of a stream, and its empty head. */
export type StreamTables = Readonly<{
  statements: StreamStatements;
  /** The head of the stream before its first event. */
  empty: Head;
}>;

export async function readHead(
  client: ClientBase,
  { statements, empty }: StreamTables,
): Promise<Head> {
  const [row] = await queryCells(client, statements.head);
  return row === undefined ? empty : headOfCells(row);
}

function headOfCells([position, hash, recordedAt]: Cells): Head {
  return {
    position: Number(position),
    hash: String(hash),
    recordedAt: BigInt(recordedAt as string),
  };
}

export async function readPage(
  client: ClientBase,
  { statements }: StreamTables,
  { after, upTo, limit, order }: ReadRange,
): Promise<readonly RecordedEvent[]> {
  const rows =
    order === "asc"
      ? await queryCells(client, statements.page, [after, Math.min(after + limit, upTo)])
      : await queryCells(client, statements.pageBackwards, [after, upTo, limit]);
  return rows.map((row) => eventOf(row));
}

export async function readAt(
  client: ClientBase,
  { statements }: StreamTables,
  positions: readonly number[],
): Promise<readonly RecordedEvent[]> {
  const rows = await queryCells(client, statements.at, [positions]);
  return rows.map((row) => eventOf(row));
}

export async function readBody(
  client: ClientBase,
  { statements }: StreamTables,
  sha256: string,
): Promise<Uint8Array | null> {
  const [row] = await queryCells(client, statements.body, [sha256]);
  return typeof row?.[0] === "string" ? new Uint8Array(Buffer.from(row[0], "hex")) : null;
}

export async function readBodies(
  client: ClientBase,
  { statements }: StreamTables,
  digests: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await queryCells(client, statements.bodies, [[...new Set(digests)]]);
  return new Map(
    rows.map(([sha256, hex]) => [String(sha256), new Uint8Array(Buffer.from(String(hex), "hex"))]),
  );
}

/** Reads in one statement, so that the events and the returned head are of one snapshot. */
export async function findByIds(
  client: ClientBase,
  { statements, empty }: StreamTables,
  ids: readonly string[],
): Promise<KnownEvents> {
  const rows = await queryCells(client, statements.findByIds, [[...new Set(ids)]]);
  const events: RecordedEvent[] = [];
  const amendments: Amendment[] = [];
  let head = empty;
  for (const row of rows) {
    const [kind, amends] = row;
    if (kind === "head") head = headOfCells([row[2] ?? null, row[11] ?? null, row[8] ?? null]);
    else if (kind === "known") events.push(eventOf(row, 2));
    else amendments.push([String(amends), eventOf(row, 2)]);
  }
  amendments.sort(([, a], [, b]) => a.position - b.position);
  return knownEvents(head, events, amendments);
}

/** Reads amendments first: the events that they amend were stored before them. */
export async function findPositions(
  client: ClientBase,
  { statements }: StreamTables,
  ids: readonly string[],
): Promise<ReadonlyMap<string, FoundPositions>> {
  const listed = [[...new Set(ids)]];
  const amendments = await queryCells(client, statements.amendmentPositions, listed);
  return foundPositions(await queryCells(client, statements.idPositions, listed), amendments);
}

export function readEventsOfTypes(
  pool: Pool,
  tables: StreamTables,
  query: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const { statements } = tables;
  const isForwards = query.order === "asc";
  const ofIndexedTypes = isForwards
    ? statements.ofIndexedTypes
    : statements.ofIndexedTypesBackwards;
  const windowOfTypes = isForwards ? statements.windowOfTypes : statements.windowOfTypesBackwards;
  const readEvents = async (statement: Statement, values: readonly unknown[]) => {
    const rows = await pool.use((client) => queryCells(client, statement, values));
    return rows.map((row) => eventOf(row));
  };
  const source = {
    headPosition: async () => (await pool.use((client) => readHead(client, tables))).position,
    indexed: ({ types, after, upTo, limit }: TypesQuery) =>
      readEvents(ofIndexedTypes, [types, after, upTo, limit]),
    between: ({ types, after, upTo, limit }: TypesQuery) =>
      readEvents(windowOfTypes, [after, upTo, types, limit]),
  };
  return readTypes(source, query);
}
