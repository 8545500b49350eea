import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FormatTooNew } from "@counterfoil/processing/ports/errors";
import {
  type Checkpoint,
  type Condition,
  type ModelLayout,
  type ModelReader,
  type Row,
  type Rows,
  type Selection,
  type StoreName,
  type Table,
  takeRows,
  type Value,
} from "@counterfoil/processing/ports/model-store";
import { createGate } from "../gate.ts";
import { MODEL } from "../sql/engine-errors.ts";
import { lacksIn, type StoredColumns, storedColumns } from "../sql/stored-columns.ts";
import {
  type Cells,
  CHECKPOINT_COLUMNS,
  checkpointOf,
  createTableSql,
  createTablesSql,
  type Dialect,
  GENERATION_FORMAT,
  NO_ROWS,
  quoted,
  quotedList,
} from "../sql/tables.ts";
import {
  identityOf,
  inTransaction,
  openDatabase,
  orClose,
  PAGE_CACHE,
  portError,
  rollBack,
  unplanned,
  whileBusy,
} from "./database.ts";

export const SQLITE: Dialect = {
  types: { text: "TEXT", integer: "INTEGER", nanos: "INTEGER" },
  parameter: () => "?",
  isOneOf: (column, _, parameter) => `${column} IN (SELECT value FROM json_each(${parameter}))`,
  // SQLite keeps all 64 bits of an integer in JSON.
  listOf: (_, values) =>
    `[${values.map((value) => (typeof value === "bigint" ? value : JSON.stringify(value)))}]`,
  limitOf: unplanned,
  mistakesIndexes: false,
  // A star matches any text; the number of `:` must be that of the pieces, so no star matches one.
  isLike: (column, pieces, bind) => {
    const pattern = pieces.map((piece) => piece.replace(/[*?[]/g, "[$&]")).join("*");
    const colons = pieces.join("").split(":").length - 1;
    const found = `length(${column}) - length(replace(${column}, ':', ''))`;
    return `(${column} GLOB ${unplanned(bind(pattern))} AND ${found} = ${bind(colons)})`;
  },
};

const CHECKPOINT_TABLE = `
  CREATE TABLE checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    format INTEGER NOT NULL,
    model_version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash TEXT NOT NULL,
    digest TEXT NOT NULL,
    state_digest TEXT NOT NULL
  )`;

/**
 * Creates the tables in one transaction with the checkpoint's row, which marks the layout as complete.
 * The tables have rowids: rows are appended, and only the narrow key index is written in random
 * order. A WITHOUT ROWID table would keep the wide rows in key order, which halves the speed of a rebuild.
 */
export function layOutModel(database: DatabaseSync, layout: ModelLayout): void {
  const { tables, modelVersion } = layout;
  inTransaction(database, "IMMEDIATE", () => {
    for (const table of tables) {
      database.exec(createTableSql(SQLITE, quoted(table.name), table));
      for (const { create } of indexesOf(table)) database.exec(create);
    }
    database.exec(CHECKPOINT_TABLE);
    database
      .prepare("INSERT INTO checkpoint VALUES (1, ?, ?, 0, '', ?, ?)")
      .run(GENERATION_FORMAT, modelVersion, NO_ROWS, NO_ROWS);
  });
}

/** The indexes besides the key: the statements that create and drop each. */
export function indexesOf(table: Table): readonly Readonly<{ create: string; drop: string }>[] {
  return table.indexes.map((index) => {
    const name = quoted([table.name, ...index].join("_"));
    return {
      create: `CREATE INDEX IF NOT EXISTS ${name} ON ${quoted(table.name)} (${quotedList(index)})`,
      drop: `DROP INDEX IF EXISTS ${name}`,
    };
  });
}

export type ModelState = Readonly<{ modelVersion: number; checkpoint: Checkpoint }>;

/** @returns null if the layout is not complete: its creator died, or is still at work */
export function readModelState(database: DatabaseSync): ModelState | null {
  const isLaidOut = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint'");
  if (isLaidOut.get() === undefined) return null;
  const row = database.prepare("SELECT format, model_version FROM checkpoint").get();
  if (row === undefined) return null;
  if (Number(row.format) > GENERATION_FORMAT) {
    throw new FormatTooNew(
      `a read model has format ${row.format}, and this program knows none above ${GENERATION_FORMAT}: run the newer program that wrote it`,
    );
  }
  return { modelVersion: Number(row.model_version), checkpoint: prepareCheckpoint(database)() };
}

/** @returns a function that reads the checkpoint in the connection's current snapshot */
export function prepareCheckpoint(database: DatabaseSync): () => Checkpoint {
  const statement = database.prepare(`SELECT ${CHECKPOINT_COLUMNS} FROM checkpoint`);
  statement.setReturnArrays(true);
  return () => {
    const cells = statement.get() as Cells | undefined;
    if (cells === undefined) throw new Error("the model's checkpoint is gone: rebuild the model");
    return checkpointOf(cells);
  };
}

/** Reads the tables over one connection; each call sees the connection's current snapshot. */
type TableRows = Readonly<{
  get(table: Table, key: readonly Value[]): Row | null;
  select(table: Table, selection: Selection): readonly Row[];
  count(table: Table, where?: readonly Condition[], most?: number): number;
}>;

/** @param stored the columns that are there, for a reader of what an older version laid out */
export function createTableRows(
  database: DatabaseSync,
  stored: StoredColumns = new Map(),
): TableRows {
  const lacks = lacksIn(stored, ({ name }) => name);
  const sqlOf = createTablesSql(SQLITE, ({ name }) => quoted(name), lacks);
  const statements = new Map<string, StatementSync>();

  function prepared(table: Table, text: string): StatementSync {
    const found = statements.get(text);
    if (found !== undefined) return found;
    const statement = database.prepare(text);
    statement.setReturnArrays(true);
    // Applies to all integers of a statement; a table without nanoseconds does not pay for it.
    statement.setReadBigInts(Object.values(table.columns).some(({ type }) => type === "nanos"));
    statements.set(text, statement);
    return statement;
  }

  return {
    get: (table, key) => {
      const { get, rowOf } = sqlOf(table);
      // `setReturnArrays` makes rows arrays, which the types of `get` and `all` do not express.
      const cells = prepared(table, get).get(...key) as unknown as Cells | undefined;
      return cells === undefined ? null : rowOf(cells);
    },
    select: (table, selection) => {
      const { select, rowOf } = sqlOf(table);
      const { text, values } = select(selection);
      // `listOf` encodes a list as one text, so no value is an array.
      const statement = prepared(table, text);
      const all = values as readonly Value[];
      if (selection.bytesMax === undefined) {
        return (statement.all(...all) as unknown as readonly Cells[]).map(rowOf);
      }
      const rows = statement.iterate(...all) as unknown as Iterable<Cells>;
      return takeRows(Iterator.from(rows).map(rowOf), selection);
    },
    count: (table, where = [], most) => {
      const { text, values } = sqlOf(table).count(where, most);
      const statement = prepared(table, text);
      const cells = statement.get(...(values as readonly Value[])) as unknown as Cells;
      return Number(cells[0]);
    },
  };
}

/** Snapshots open at once, each on its own connection; further ones wait. */
const CONNECTIONS_MAX = 8;

type ReadConnection = Readonly<{
  database: DatabaseSync;
  rows: TableRows;
  checkpoint: () => Checkpoint;
  modelVersion: number;
  /** The identity of the file that was opened. */
  identity: string;
}>;

/** Opens one generation for reading; each snapshot has a connection of its own. */
export function openModelReader(
  options: Readonly<{ file: string; model: StoreName; generation: number }>,
): ModelReader {
  const { file, model, generation } = options;
  const pool = createPool<ReadConnection>({
    sizeMax: CONNECTIONS_MAX,
    open: () => whileBusy(() => openReader(file)),
    isUsable: ({ database, identity }) => database.isOpen && identity === identityOf(file),
    close: ({ database }) => database.isOpen && database.close(),
  });
  return {
    model,
    generation,
    snapshot: async (read) => {
      try {
        return await pool.use(async (connection) => {
          const checkpoint = await whileBusy(() => beginSnapshot(connection));
          try {
            return await read(asPort(connection.rows), checkpoint, connection.modelVersion);
          } finally {
            rollBack(connection.database);
          }
        });
      } catch (error) {
        const ofPort = portError(error, MODEL, file);
        // After an error of the file, neither this connection nor the idle ones are used again.
        if (ofPort !== error) pool.clear();
        throw ofPort;
      }
    },
    close: async () => pool.close(),
  };
}

function openReader(file: string): ReadConnection {
  const database = openDatabase(file, { mode: "read", pragmas: [PAGE_CACHE.reading] });
  return orClose(database, () => ({
    database,
    rows: createTableRows(database, readColumns(database)),
    checkpoint: prepareCheckpoint(database),
    modelVersion: readModelState(database)?.modelVersion ?? 0,
    identity: identityOf(file),
  }));
}

function readColumns(database: DatabaseSync): StoredColumns {
  const statement = database.prepare(`
    SELECT stored.name, columns.name FROM sqlite_schema AS stored
    JOIN pragma_table_info(stored.name) AS columns WHERE stored.type = 'table'`);
  statement.setReturnArrays(true);
  return storedColumns(statement.all() as unknown as readonly Cells[]);
}

/** The transaction's first read fixes its snapshot, so the checkpoint belongs to the rows. */
function beginSnapshot({ database, checkpoint }: ReadConnection): Checkpoint {
  database.exec("BEGIN DEFERRED");
  try {
    return checkpoint();
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

function asPort(rows: TableRows): Rows {
  return {
    get: async (table, key) => rows.get(table, key),
    select: async (table, selection) => rows.select(table, selection),
    count: async (table, where, most) => rows.count(table, where, most),
  };
}

/** A pool of items, each used by one caller at a time and opened on demand. */
type Pool<Item> = Readonly<{
  use<T>(work: (item: Item) => Promise<T>): Promise<T>;
  /** Closes the idle items, so that the next use opens a new one. */
  clear(): void;
  /** Closes the idle items now, and those in use when they are returned. */
  close(): void;
}>;

type PoolOptions<Item> = Readonly<{
  sizeMax: number;
  open: () => Promise<Item>;
  /** Checked before an idle item is used again. */
  isUsable: (item: Item) => boolean;
  close: (item: Item) => void;
}>;

function createPool<Item>({ sizeMax, open, isUsable, close }: PoolOptions<Item>): Pool<Item> {
  const idle: Item[] = [];
  const gate = createGate(sizeMax);
  let closed = false;

  async function take(): Promise<Item> {
    if (closed) throw new Error("the read model was closed by this process");
    for (let item = idle.pop(); item !== undefined; item = idle.pop()) {
      if (isUsable(item)) return item;
      close(item);
    }
    return open();
  }

  function clear(): void {
    for (const item of idle.splice(0)) close(item);
  }

  return {
    use: (work) =>
      gate(async () => {
        const item = await take();
        try {
          return await work(item);
        } finally {
          if (closed) close(item);
          else idle.push(item);
        }
      }),
    clear,
    close: () => {
      closed = true;
      clear();
    },
  };
}
