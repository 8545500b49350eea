import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { IS_INDEXED_TYPE } from "../bulk-types.ts";
import { EVENT_COLUMNS, OF_EVENT } from "../event-columns.ts";
import type { Cells, Statement } from "./client.ts";
import { ledgerSchema, quoted } from "./sql-name.ts";

/**
 * Every question to the stream has its index. Before the server has gathered figures, its planner
 * takes a young stream for a small one and would rather read it all.
 */
export const ALWAYS_BY_INDEX = { enable_seqscan: "off", enable_bitmapscan: "off" };

const ARRAYS =
  "bigint, text, text, bigint, text, bigint, bigint, text, text, text, text, text".split(", ");

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
  // Ends with the transaction, so that no connection that dies or sleeps keeps others from appending.
  lock: "SELECT pg_advisory_xact_lock($1)",
  append: appendText(schema),
  // Positions are dense, so that a range of them needs neither a sort nor a limit.
  page: `SELECT ${OF_EVENT} FROM ${schema}.events AS e WHERE position > $1 AND position <= $2 ORDER BY position`,
  // Within a bounded window, since the types it looks for may not occur for millions of positions.
  windowOfTypes: `SELECT ${OF_EVENT} FROM ${schema}.events AS e WHERE position > $1 AND position <= $2 AND type = ANY($3::text[]) ORDER BY position LIMIT $4`,
  // All types in one statement, hence of one moment: a reader that goes on behind the last event of
  // the answer has missed none.
  ofIndexedTypes: `
    SELECT ${OF_EVENT} FROM unnest($1::text[]) AS wanted (type)
    CROSS JOIN LATERAL (
      SELECT * FROM ${schema}.events
      WHERE type = wanted.type AND ${IS_INDEXED_TYPE} AND position + 0 > $2
      ORDER BY position + 0 LIMIT $3
    ) AS e
    ORDER BY e.position LIMIT $3`,
  findByIds: lookUpText(schema),
  body: `SELECT encode(bytes, 'hex') FROM ${schema}.bodies WHERE sha256 = $1`,
  takenId: `SELECT id FROM ${schema}.events WHERE id = ANY($1::text[]) LIMIT 1`,
});

/**
 * Appends where the head still has the hash that the events were chained to ($1; $2 is that of the
 * empty stream), and answers a row only then. Under the lock, which an earlier statement took: the
 * snapshot of this one shows every append before it.
 */
function appendText(schema: string): string {
  const arrays = ARRAYS.map((type, at) => `$${at + 5}::${type}[]`).join(", ");
  const added = `${EVENT_COLUMNS.join(", ")}, about`;
  return `
    WITH guard AS (
      SELECT WHERE coalesce(
        (SELECT hash FROM ${schema}.events ORDER BY position DESC LIMIT 1), $2) = $1
    ), stored AS (
      INSERT INTO ${schema}.bodies (sha256, bytes)
      SELECT body.* FROM guard, unnest($3::text[], $4::bytea[]) AS body
      -- One delivery's bytes are one body, however often they come.
      ON CONFLICT (sha256) DO NOTHING
    ), added AS (
      INSERT INTO ${schema}.events (${added})
      SELECT event.* FROM guard, unnest(${arrays}) AS event
    )
    SELECT pg_notify($17, $18) FROM guard`;
}

/**
 * Known events and amendments of one moment, with that moment's head: rows told apart by `kind`. In
 * no order: asked for one, the planner may walk the whole primary key for it.
 */
function lookUpText(schema: string): string {
  const nothing = EVENT_COLUMNS.slice(1).map(() => "NULL");
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

/** A row of the event columns, behind `from` others. */
export function eventOf(cells: Cells, from = 0): RecordedEvent {
  const at = (index: number) => cells[from + index] as string;
  const occurredAt = cells[from + 5];
  return {
    position: Number(at(0)),
    id: at(1),
    type: at(2),
    schema_version: Number(at(3)),
    subject: at(4),
    occurred_at: occurredAt == null ? null : BigInt(occurredAt),
    recorded_at: BigInt(at(6)),
    causation_id: cells[from + 7] ?? null,
    correlation_id: cells[from + 8] ?? null,
    data: at(10),
    hash: at(9),
  };
}
