import type { FoundPositions } from "@counterfoil/processing/ports/event-stream";
import type { ClientBase } from "pg";
import type {
  IdentityIndex,
  IndexCheckpoint,
  IndexEntry,
  PositionsQuery,
} from "../eventstore/identity-index.ts";
import { STREAM } from "../sql/engine-errors.ts";
import { quoted } from "../sql/tables.ts";
import { ALWAYS_BY_INDEX, openConnections, queryCells } from "./client.ts";
import { type Layout, layOut } from "./layout.ts";
import { type LedgerOnServer, ledgerSchema, serverOf } from "./server.ts";

const READERS_MAX = 4;
const TIMEOUT_MS = 30_000;

/** No foreign keys and no event data: all of it can be rebuilt from the stream. */
const IDENTITIES_LAYOUT: Layout = {
  part: "identities",
  migrations: [
    (schema) => `
      CREATE TABLE ${schema}.identities (id text COLLATE "C" PRIMARY KEY, position bigint NOT NULL);
      CREATE TABLE ${schema}.amendments (
        about text COLLATE "C", position bigint, PRIMARY KEY (about, position)
      );
      CREATE TABLE ${schema}.rare_events (
        type text COLLATE "C", position bigint, PRIMARY KEY (type, position)
      );
      CREATE TABLE ${schema}.identities_checkpoint (
        only_row boolean PRIMARY KEY CHECK (only_row),
        position bigint NOT NULL,
        hash text NOT NULL
      );
      INSERT INTO ${schema}.identities_checkpoint VALUES (true, 0, '');`,
  ],
};

/**
 * Opens the identity index of a stream whose event store finds events by position only.
 *
 * @throws FormatTooNew, LedgerMismatch, ConfigurationInvalid if the index must not be used
 * @throws StreamUnavailable, here and in every method, if the index cannot be used at present
 */
export async function openIdentityIndex(
  options: LedgerOnServer,
): Promise<IdentityIndex & { close(): Promise<void> }> {
  const { url, ledger } = options;
  const { pool, writer, close } = openConnections({
    server: serverOf(url),
    mapping: STREAM,
    readersMax: READERS_MAX,
    timeoutMs: TIMEOUT_MS,
    // A crash may lose the last steps, each as a whole; they are indexed again from the stream.
    settings: { read: ALWAYS_BY_INDEX, write: { synchronous_commit: "off" } },
  });
  try {
    await writer.use((connection) => layOut(connection, ledger, IDENTITIES_LAYOUT));
  } catch (error) {
    await close();
    throw error;
  }
  const sql = textsOf(quoted(ledgerSchema(ledger)));
  return {
    checkpoint: () => pool.use((connection) => readCheckpoint(connection, sql)),
    advance: (from, to, entries) =>
      writer.use((connection) => advance(connection, sql, { from, to, entries })),
    find: async (ids, upTo) =>
      ids.length === 0 ? new Map() : pool.use((connection) => find(connection, sql, ids, upTo)),
    positionsOfTypes: (query) => pool.use((connection) => positionsOfTypes(connection, sql, query)),
    clear: () => writer.use((connection) => clear(connection, sql)),
    close,
  };
}

type Texts = ReturnType<typeof textsOf>;

const textsOf = (schema: string) => ({
  checkpoint: `SELECT position, hash FROM ${schema}.identities_checkpoint`,
  // One statement that adds entries only if it moves the checkpoint. A concurrent step waits for the
  // row's lock, and then finds that the checkpoint is not the one it starts from.
  advance: `
    WITH moved AS (
      UPDATE ${schema}.identities_checkpoint SET position = $3, hash = $4
      WHERE position = $1 AND hash = $2 RETURNING 1
    ), added AS (
      SELECT entry.* FROM moved, unnest($5::bigint[], $6::text[], $7::text[], $8::text[])
        AS entry (position, id, about, type)
    ), ids AS (
      INSERT INTO ${schema}.identities SELECT id, min(position) FROM added GROUP BY id
      -- An id that is there already has a lower position.
      ON CONFLICT (id) DO NOTHING
    ), abouts AS (
      INSERT INTO ${schema}.amendments
      SELECT about, position FROM added WHERE about IS NOT NULL
    ), types AS (
      INSERT INTO ${schema}.rare_events SELECT type, position FROM added WHERE type IS NOT NULL
    )
    SELECT 1 FROM moved`,
  // A subquery uses the index for each id; a join might scan the whole table.
  find: `
    SELECT i.id, i.position, (
      SELECT string_agg(a.position::text, ',' ORDER BY a.position)
      FROM ${schema}.amendments AS a WHERE a.about = i.id AND a.position <= $2
    )
    FROM ${schema}.identities AS i WHERE i.id = ANY($1::text[]) AND i.position <= $2`,
  ofIndexedTypes: ofIndexedTypesText(schema, "ASC"),
  ofIndexedTypesBackwards: ofIndexedTypesText(schema, "DESC"),
  clear: `
    TRUNCATE ${schema}.identities, ${schema}.amendments, ${schema}.rare_events;
    UPDATE ${schema}.identities_checkpoint SET position = 0, hash = ''`,
});

/** Reads the first positions of each type: together they contain the first positions of all types. */
const ofIndexedTypesText = (schema: string, order: "ASC" | "DESC"): string => `
    SELECT DISTINCT found.position FROM unnest($1::text[]) AS wanted (type)
    CROSS JOIN LATERAL (
      SELECT position FROM ${schema}.rare_events
      WHERE type = wanted.type AND position > $2 AND position <= $3
      ORDER BY position ${order} LIMIT $4
    ) AS found
    ORDER BY found.position ${order} LIMIT $4`;

async function readCheckpoint(client: ClientBase, sql: Texts): Promise<IndexCheckpoint> {
  const [cells = []] = await queryCells(client, { text: sql.checkpoint });
  return { position: Number(cells[0]), hash: String(cells[1]) };
}

type Step = Readonly<{
  from: IndexCheckpoint;
  to: IndexCheckpoint;
  entries: readonly IndexEntry[];
}>;

async function advance(client: ClientBase, sql: Texts, step: Step): Promise<boolean> {
  const { from, to, entries } = step;
  const statement = { name: "index_advance", text: sql.advance };
  const moved = await queryCells(client, statement, [
    from.position,
    from.hash,
    to.position,
    to.hash,
    entries.map(({ position }) => position),
    entries.map(({ id }) => id),
    entries.map(({ amends }) => amends),
    entries.map(({ indexedType }) => indexedType),
  ]);
  return moved.length === 1;
}

async function find(
  client: ClientBase,
  sql: Texts,
  ids: readonly string[],
  upTo: number,
): Promise<ReadonlyMap<string, FoundPositions>> {
  const statement = { name: "index_find", text: sql.find };
  const rows = await queryCells(client, statement, [[...new Set(ids)], upTo]);
  return new Map(
    rows.map(([id, position, amendments]) => [
      String(id),
      { position: Number(position), amendments: amendments?.split(",").map(Number) ?? [] },
    ]),
  );
}

async function positionsOfTypes(
  client: ClientBase,
  sql: Texts,
  { types, after, upTo, limit, order }: PositionsQuery,
): Promise<readonly number[]> {
  const statement =
    order === "asc"
      ? { name: "index_rare", text: sql.ofIndexedTypes }
      : { name: "index_rare_backwards", text: sql.ofIndexedTypesBackwards };
  const values = [[...new Set(types)], after, upTo, limit];
  return (await queryCells(client, statement, values)).map(([position]) => Number(position));
}

/** Clears in one transaction, since the server runs the statements of one text as one. */
async function clear(client: ClientBase, sql: Texts): Promise<void> {
  await client.query(sql.clear);
}
