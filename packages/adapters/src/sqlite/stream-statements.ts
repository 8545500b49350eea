import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { IS_INDEXED_TYPE } from "../bulk-types.ts";
import { EVENT_COLUMNS, OF_EVENT } from "../event-columns.ts";

const PLACES = `(${Array(EVENT_COLUMNS.length + 1).fill("?")})`;
const INSERT = `INSERT INTO events (${EVENT_COLUMNS.join(", ")}, about) VALUES `;

/** Rows of one insert: each call into SQLite has a price, which many rows share. */
export const INSERT_ROWS = 16;

/**
 * A JSON array stands for a list of any length, so that one prepared statement serves them all in
 * one call. CROSS JOIN keeps SQLite from turning the loops around and scanning the stream.
 */
const LISTED = "json_each(?) AS listed CROSS JOIN events AS e";

const SQL = {
  head: "SELECT position, hash, recorded_at FROM events ORDER BY position DESC LIMIT 1",
  insertOne: INSERT + PLACES,
  insertMany: INSERT + Array(INSERT_ROWS).fill(PLACES).join(", "),
  insertBody: "INSERT INTO bodies (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING",
  body: "SELECT bytes FROM bodies WHERE sha256 = ?",
  page: `SELECT ${OF_EVENT} FROM events AS e WHERE position > ? ORDER BY position LIMIT ?`,
  // Within a bounded window, since the types it looks for may not occur for millions of positions.
  windowOfTypes: `SELECT ${OF_EVENT} FROM events AS e WHERE position > ? AND position <= ? AND type IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?`,
  // The repeated condition makes the partial index usable; it must be found in order, hence by type.
  indexedPositions: `SELECT position FROM events INDEXED BY events_rare WHERE type = ? AND ${IS_INDEXED_TYPE} AND position > ? ORDER BY position LIMIT ?`,
  byIds: `SELECT ${OF_EVENT} FROM ${LISTED} WHERE e.id = listed.value`,
  byPositions: `SELECT ${OF_EVENT} FROM ${LISTED} WHERE e.position = listed.value ORDER BY e.position`,
  aboutIds: `SELECT e.about, ${OF_EVENT} FROM ${LISTED} WHERE e.about = listed.value ORDER BY e.position`,
} as const;

export type StreamStatements = Readonly<Record<keyof typeof SQL, StatementSync>>;

export function prepareStream(database: DatabaseSync): StreamStatements {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    // Nanoseconds exceed 2^53; it is all integers of a statement or none.
    statement.setReadBigInts(true);
    return statement;
  };
  return Object.fromEntries(
    Object.entries(SQL).map(([name, sql]) => [name, prepare(sql)]),
  ) as StreamStatements;
}

/** The values of one row, in the order of `INSERT`. */
export function valuesOf(event: RecordedEvent, about: NewEvent["about"]) {
  return [
    event.position,
    event.id,
    event.type,
    event.schema_version,
    event.subject,
    event.occurred_at,
    event.recorded_at,
    event.causation_id,
    event.correlation_id,
    event.hash,
    event.data,
    about,
  ];
}

/** A row as the statements above return it, in the order of `EVENT_COLUMNS`. */
export type EventRow = readonly [
  position: bigint,
  id: string,
  type: string,
  schemaVersion: bigint,
  subject: string,
  occurredAt: bigint | null,
  recordedAt: bigint,
  causationId: string | null,
  correlationId: string | null,
  hash: string,
  data: string,
];

export function eventOf(row: EventRow): RecordedEvent {
  return {
    position: Number(row[0]),
    id: row[1],
    type: row[2],
    schema_version: Number(row[3]),
    subject: row[4],
    occurred_at: row[5],
    recorded_at: row[6],
    causation_id: row[7],
    correlation_id: row[8],
    data: row[10],
    hash: row[9],
  };
}
