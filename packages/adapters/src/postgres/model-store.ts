import { randomUUID } from "node:crypto";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type {
  BuildingStore,
  Checkpoint,
  Commit,
  ModelStore,
  Row,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import type { Client, ClientBase } from "pg";
import { type ErrorMapping, MODEL, UNFINISHED } from "../sql/engine-errors.ts";
import {
  CHECKPOINT_COLUMNS,
  checkpointOf,
  findKey,
  putClause,
  quotedList,
  valueIn,
} from "../sql/tables.ts";
import {
  ALWAYS_BY_INDEX,
  type Cells,
  createReconnectingClient,
  queryCells,
  type ReconnectingClient,
  type Statement,
} from "./client.ts";
import { inTransaction } from "./layout.ts";
import {
  arrayType,
  catalogueOf,
  createTableRows,
  indexSql,
  isUnused,
  PAGES_BY_INDEX,
  type Place,
  POSTGRES,
  prepared,
  tableName,
} from "./model-tables.ts";
import {
  DIVISION_BY_ZERO,
  lockKey,
  modelSchema,
  type Server,
  stateOf,
  UNIQUE_VIOLATED,
} from "./server.ts";
import { type AbsentKeys, createAbsentKeys } from "./speed-absent-keys.ts";

type StoreOptions = Readonly<{
  /** Called before a search is sent to the server. */
  beforeSearch?: (table: Table) => Promise<void>;
  /** With which errors it reports those of the server. */
  mapping?: ErrorMapping;
}>;

/** Limits how long an unresponsive server blocks a caller. */
const TIMEOUT_MS = 30_000;
/** A bulk commit writes tens of thousands of rows, possibly to a busy disk. */
const BULK_TIMEOUT_MS = 120_000;
const BULK_ROWS_MIN = 500;

/**
 * A commit need not wait for the disk: a crash of the server may lose the last commits of a model, each
 * as a whole, and they are projected again. The stream is never written over this connection.
 */
const LOSES_LAST_COMMITS = { synchronous_commit: "off" };

/** Opens one generation for writing over one connection. */
export async function openModelStore(
  server: Server,
  place: Place,
  { beforeSearch, mapping = MODEL }: StoreOptions = {},
): Promise<ModelStore> {
  const { model, generation } = place;
  const rows = createTableRows(place);
  // Otherwise a table of a few pages would be scanned for each of its rows.
  const settings = { ...LOSES_LAST_COMMITS, ...ALWAYS_BY_INDEX, ...PAGES_BY_INDEX };
  const client = { access: "write", timeoutMs: TIMEOUT_MS, isPipelined: true, settings } as const;
  const { use, close } = createReconnectingClient({ server, mapping, client });
  const known: Known = { fence: "", absent: null };
  const session = { place, use, statements: storeStatements(place), known };
  try {
    await readCheckpoint(session);
  } catch (error) {
    close();
    throw error;
  }
  return {
    model,
    generation,
    get: async (table, key) =>
      known.absent?.isAbsent(table, key) ? null : use((client) => rows.get(client, table, key)),
    select: async (table, selection) => {
      if (known.absent?.isNothing(table, selection)) return [];
      await beforeSearch?.(table);
      return use((client) => rows.select(client, table, selection));
    },
    count: (table, where, most) => use((client) => rows.count(client, table, where, most)),
    checkpoint: () => readCheckpoint(session),
    commit: (commit) => write(session, commit),
    close: async () => close(),
  };
}

type Known = {
  /** The fence of the last commit that this store knows. */
  fence: string;
  absent: AbsentKeys | null;
};

type Session = Readonly<{
  place: Place;
  use: ReconnectingClient["use"];
  statements: StoreStatements;
  known: Known;
}>;

/** Reads the checkpoint that the caller's next commit must follow. */
async function readCheckpoint({ place, use, statements, known }: Session): Promise<Checkpoint> {
  const [found, ...cells] = await use((client) => checkpointCells(client, statements, place));
  const fence = String(found);
  // After a commit of another writer, the keys that this store recorded are not complete.
  if (fence !== known.fence) known.absent = isUnused(fence) ? createAbsentKeys() : null;
  known.fence = fence;
  return checkpointOf(cells);
}

async function write({ place, use, statements, known }: Session, commit: Commit): Promise<void> {
  const writes = commitWrites(commit, place);
  const fence = randomUUID();
  const move = moveWrite(statements, place, { from: known.fence, to: fence }, commit.checkpoint);
  known.absent?.add(commit);
  const timeoutMs = isBulk(commit) ? BULK_TIMEOUT_MS : TIMEOUT_MS;
  await use((client) => send(client, [move, ...writes], timeoutMs).catch(explain(place)));
  known.fence = fence;
}

type StoreStatements = Readonly<Record<"checkpoint" | "moveCheckpoint", Statement>>;

function storeStatements({ ledger }: Place): StoreStatements {
  const catalogue = catalogueOf(ledger);
  const ofGeneration = "WHERE model = $1 AND generation = $2";
  return {
    checkpoint: {
      name: "checkpoint",
      text: `SELECT fence, ${CHECKPOINT_COLUMNS} FROM ${catalogue} ${ofGeneration}`,
    },
    // Dividing by the number of moved rows fails the whole transaction if another writer has moved the
    // checkpoint, without another round trip. It is the first statement, so that its row lock makes a
    // second writer wait until the first has committed or rolled back.
    moveCheckpoint: {
      name: "move_checkpoint",
      text: `
        WITH moved AS (
          UPDATE ${catalogue}
          SET fence = $4, position = $5, hash = $6, digest = $7, state_digest = $8
          ${ofGeneration} AND fence = $3 RETURNING 1
        )
        SELECT 1 / count(*) FROM moved`,
    },
  };
}

async function checkpointCells(
  client: Client,
  { checkpoint }: StoreStatements,
  { model, generation }: Place,
): Promise<Cells> {
  const [cells] = await queryCells(client, checkpoint, [model, generation]);
  if (cells !== undefined) return cells;
  throw new ModelUnavailable(
    `generation ${generation} of model ${model} was dropped: open another`,
  );
}

/**
 * Sends all statements in one round trip, without waiting for answers. A rebuild is no slower than with
 * COPY, which waits for an answer between tables (1.1 times as fast, nine rounds).
 */
async function send(client: Client, writes: readonly Write[], timeoutMs: number): Promise<void> {
  const sent = [
    client.query("BEGIN"),
    ...writes.map(({ statement, values }) => queryCells(client, statement, values, timeoutMs)),
    client.query("COMMIT"),
  ];
  const results = await Promise.allSettled(sent);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Rethrows an error of the server as one about the model; any other unchanged. */
function explain({ model, generation }: Place): (error: unknown) => never {
  const who = `generation ${generation} of model ${model}`;
  return (error) => {
    const state = stateOf(error);
    if (state === DIVISION_BY_ZERO) {
      throw new ModelUnavailable(
        `another process has written to ${who} since this one last read its checkpoint: nothing was committed; open it again`,
        { cause: error },
      );
    }
    if (state === UNIQUE_VIOLATED) {
      const { detail } = error as { detail?: string };
      throw new Error(`a row to insert into ${who} is there already: ${detail}`, { cause: error });
    }
    throw error;
  };
}

/** A statement with its values; many rows are passed as one array for each column. */
type Write = Readonly<{ statement: Statement; values: readonly unknown[] }>;

/** Moves the checkpoint if it has the fence that this store knows; otherwise the commit fails. */
function moveWrite(
  { moveCheckpoint }: StoreStatements,
  { model, generation }: Place,
  fence: Readonly<{ from: string; to: string }>,
  { position, hash, digest, state_digest }: Checkpoint,
): Write {
  const values = [model, generation, fence.from, fence.to, position, hash, digest, state_digest];
  return { statement: moveCheckpoint, values };
}

/** Maximum rows of a statement: the server keeps the arrays of more rows on disk. */
const WRITE_ROWS_MAX = 2_000;

function isBulk({ inserts, puts }: Commit): boolean {
  return [...inserts, ...puts].some(({ rows }) => rows.length >= BULK_ROWS_MIN);
}

/** Encodes all writes of a commit before anything is sent, so that an invalid row fails before that. */
function commitWrites(commit: Commit, place: Place): readonly Write[] {
  const writes: Write[] = [];
  for (const { table, rows } of commit.inserts) {
    writes.push(...rowWrites(table, rows, insertText(table, place)));
  }
  for (const { table, rows } of commit.puts) {
    const text = `${insertText(table, place)} ${putClause(table)}`;
    writes.push(...rowWrites(table, lastOfEachKey(table, rows), text));
  }
  for (const { table, keys } of commit.deletes) {
    if (keys.length > 0) writes.push(deleteWrite(table, keys, place));
  }
  return writes;
}

function rowWrites(table: Table, rows: readonly Row[], text: string): readonly Write[] {
  const names = Object.keys(table.columns);
  const statement = prepared(text);
  const writes: Write[] = [];
  for (let at = 0; at < rows.length; at += WRITE_ROWS_MAX) {
    const batch = rows.slice(at, at + WRITE_ROWS_MAX);
    const values = names.map((name) => batch.map((row) => valueIn(table, row, name)));
    writes.push({ statement, values });
  }
  return writes;
}

/**
 * Finds each row by its key before it deletes them by their place. A join of the keys with the table may
 * walk through all its rows, or through all that begin like a key.
 */
function deleteWrite(table: Table, keys: readonly (readonly Value[])[], place: Place): Write {
  const values = table.key.map((_, at) => keys.map((key) => key[at] ?? null));
  const columns = table.key.map((_, at) => `k${at + 1}`).join(", ");
  const arrays = arrayParameters(table, table.key);
  const name = tableName(place, table);
  const isOne = findKey(POSTGRES, table, (nth) => `gone.k${nth}`);
  const found = `SELECT (SELECT ctid FROM ${name} WHERE ${isOne}) FROM unnest(${arrays}) AS gone (${columns})`;
  return { statement: prepared(`DELETE FROM ${name} WHERE ctid = ANY(ARRAY(${found}))`), values };
}

function insertText(table: Table, place: Place): string {
  const names = Object.keys(table.columns);
  return `INSERT INTO ${tableName(place, table)} (${quotedList(names)}) SELECT * FROM unnest(${arrayParameters(table, names)}) AS t`;
}

function arrayParameters(table: Table, names: readonly string[]): string {
  return names
    .map((name, at) => `$${at + 1}::${arrayType(table.columns[name]?.type ?? "text")}`)
    .join(", ");
}

/** Keeps the last row of each key, because one statement must not update a row twice. */
function lastOfEachKey(table: Table, rows: readonly Row[]): readonly Row[] {
  const last = new Map<string, Row>();
  for (const row of rows) last.set(JSON.stringify(table.key.map((name) => String(row[name]))), row);
  return last.size === rows.length ? rows : [...last.values()];
}

/** Creating an index over the rows of ten million events takes long. */
const BUILDING_TIMEOUT_MS = 3_600_000;

const INDEX_SETTINGS = { maintenance_work_mem: "256MB" };

/**
 * Opens a newly created generation to fill it. Its indexes besides the keys are created at the end, each
 * with one sort, since an index that grows in random order soon exceeds the server's cache. If a table
 * is searched before, its indexes are created then.
 */
export async function openBuildingStore(
  server: Server,
  place: Place,
  tables: readonly Table[],
): Promise<BuildingStore> {
  const client = { access: "write", isPipelined: false, settings: INDEX_SETTINGS } as const;
  const builder = createReconnectingClient({
    server,
    mapping: UNFINISHED,
    client: { ...client, timeoutMs: BUILDING_TIMEOUT_MS },
  });
  const makeIndexes = createIndexMaker(builder, place);
  try {
    await builder.use((client) => beginBuilding(client, place, tables));
    const options = { beforeSearch: makeIndexes, mapping: UNFINISHED };
    const store = await openModelStore(server, place, options);
    const close = async () => {
      builder.close();
      await store.close();
    };
    const finish = async () => {
      for (const table of tables) await makeIndexes(table);
      await builder.use((client) => finishBuilding(client, place, tables));
      await close();
    };
    const commit = async (commit: Commit) => {
      for (const { table, rows } of [...commit.inserts, ...commit.puts]) {
        // Creates the indexes before a row that may be too long for them, so that the server rejects
        // it in the commit of its event.
        if (rows.some((row) => mayOutgrowIndex(table, row))) await makeIndexes(table);
      }
      await store.commit(commit);
    };
    return { ...store, commit, close, finish };
  } catch (error) {
    builder.close();
    throw error;
  }
}

/** An index row may have about 2,700 bytes, and a UTF-16 unit takes up to three in UTF-8. */
const INDEXED_LENGTH_MAX = 800;

function mayOutgrowIndex({ indexes }: Table, row: Row): boolean {
  return indexes.some((columns) => {
    let length = 0;
    for (const column of columns) length += textLength(row[column]);
    return length > INDEXED_LENGTH_MAX;
  });
}

const textLength = (value: Value | undefined): number =>
  typeof value === "string" ? value.length : 0;

function createIndexMaker({ use }: ReconnectingClient, place: Place) {
  const indexed = new Set<Table>();
  return async (table: Table): Promise<void> => {
    if (indexed.has(table)) return;
    indexed.add(table);
    const sql = indexSql(place, table);
    if (sql !== "") await use((client) => client.query(sql));
  };
}

/** The key of the lock that the connection of a builder holds: if the lock is free, the builder died. */
export function builderLock({ ledger, model, generation }: Place): string {
  return lockKey("builder", modelSchema(ledger, model), String(generation));
}

async function beginBuilding(
  client: ClientBase,
  place: Place,
  tables: readonly Table[],
): Promise<void> {
  await queryCells(client, { text: "SELECT pg_advisory_lock($1)" }, [builderLock(place)]);
  await inTransaction(client, async () => {
    await setBuilding(client, place, true);
    for (const table of tables) {
      const text = `
        SELECT indexrelid::regclass FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary`;
      const found = await queryCells(client, { text }, [tableName(place, table)]);
      for (const [index] of found) await client.query(`DROP INDEX ${index}`);
    }
  });
}

async function finishBuilding(
  client: ClientBase,
  place: Place,
  tables: readonly Table[],
): Promise<void> {
  // Without statistics the planner takes a new table for an empty one.
  for (const table of tables) await client.query(`ANALYZE ${tableName(place, table)}`);
  await setBuilding(client, place, false);
}

/** Called on a connection that waits for the disk: when this row is durable, so are all earlier commits. */
async function setBuilding(client: ClientBase, place: Place, isBuilding: boolean): Promise<void> {
  const { ledger, model, generation } = place;
  const text = `UPDATE ${catalogueOf(ledger)} SET building = $3 WHERE model = $1 AND generation = $2`;
  await queryCells(client, { text }, [model, generation, isBuilding]);
}
