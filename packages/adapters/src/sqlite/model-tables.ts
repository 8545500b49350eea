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
import { MODEL } from "../sql/trouble.ts";
import { createGate } from "../waiting.ts";
import {
  identityOf,
  inTransaction,
  openDatabase,
  PAGES_KEPT,
  portError,
  rollBack,
  whileBusy,
} from "./database.ts";

export const SQLITE: Dialect = {
  types: { text: "TEXT", integer: "INTEGER", nanos: "INTEGER" },
  parameter: () => "?",
  isOneOf: (column, _, parameter) => `${column} IN (SELECT value FROM json_each(${parameter}))`,
  // SQLite reads an integer of JSON to its 64 bits.
  listOf: (_, values) =>
    `[${values.map((value) => (typeof value === "bigint" ? value : JSON.stringify(value)))}]`,
  // A star stands for anything; with no more `:` than the pieces have, for none of them.
  isLike: (column, pieces, place) => {
    const pattern = pieces.map((piece) => piece.replace(/[*?[]/g, "[$&]")).join("*");
    const colons = pieces.join("").split(":").length - 1;
    const found = `length(${column}) - length(replace(${column}, ':', ''))`;
    return `(${column} GLOB ${place(pattern)} AND ${found} = ${place(colons)})`;
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
 * In one transaction with the checkpoint's row, by which a finished layout is known. Ordinary rowid
 * tables: rows go to the end, and only the narrow key index is written all over. A WITHOUT ROWID
 * table would keep the wide rows in key order, which halves the speed of a rebuild.
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

/** The indexes beside the key: what makes each, and what takes it away. */
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

/** @returns null where nothing is laid out; a creator died, or is at it. */
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

/** @returns a function that reads the checkpoint of the connection's present moment. */
export function prepareCheckpoint(database: DatabaseSync): () => Checkpoint {
  const statement = database.prepare(`SELECT ${CHECKPOINT_COLUMNS} FROM checkpoint`);
  statement.setReturnArrays(true);
  return () => {
    const cells = statement.get() as Cells | undefined;
    if (cells === undefined) throw new Error("the model's checkpoint is gone: rebuild the model");
    return checkpointOf(cells);
  };
}

/** Reading the tables of one connection; every call sees the connection's present moment. */
export type TableRows = Readonly<{
  get(table: Table, key: readonly Value[]): Row | null;
  select(table: Table, selection: Selection): readonly Row[];
  count(table: Table, where?: readonly Condition[], most?: number): number;
}>;

export function createTableRows(database: DatabaseSync): TableRows {
  const sqlOf = createTablesSql(SQLITE, ({ name }) => quoted(name));
  const statements = new Map<string, StatementSync>();

  function prepared(table: Table, text: string): StatementSync {
    const found = statements.get(text);
    if (found !== undefined) return found;
    const statement = database.prepare(text);
    statement.setReturnArrays(true);
    // All integers of a statement or none; a table without nanoseconds is spared the detour.
    statement.setReadBigInts(Object.values(table.columns).some(({ type }) => type === "nanos"));
    statements.set(text, statement);
    return statement;
  }

  return {
    get: (table, key) => {
      const { get, rowOf } = sqlOf(table);
      // `setReturnArrays` promises arrays, which the types of `get` and `all` do not know.
      const cells = prepared(table, get).get(...key) as unknown as Cells | undefined;
      return cells === undefined ? null : rowOf(cells);
    },
    select: (table, selection) => {
      const { select, rowOf } = sqlOf(table);
      const { text, values } = select(selection);
      // A list is one text here.
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

/** Snapshots that are open at once; further ones wait. One connection holds one moment. */
const CONNECTIONS_MAX = 8;

type ReadConnection = Readonly<{
  database: DatabaseSync;
  rows: TableRows;
  checkpoint: () => Checkpoint;
  modelVersion: number;
  /** Which file it was opened on. */
  identity: string;
}>;

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
        // A connection that met trouble is not used again, nor are its idle sisters.
        if (ofPort !== error) pool.clear();
        throw ofPort;
      }
    },
    close: async () => pool.close(),
  };
}

function openReader(file: string): ReadConnection {
  const database = openDatabase(file, { mode: "read", pragmas: [PAGES_KEPT.reading] });
  return {
    database,
    rows: createTableRows(database),
    checkpoint: prepareCheckpoint(database),
    modelVersion: readModelState(database)?.modelVersion ?? 0,
    identity: identityOf(file),
  };
}

/** The first read of the transaction fixes its moment: the checkpoint is that of the rows. */
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

/** Things that one caller at a time may use, opened when they are needed. */
type Pool<Item> = Readonly<{
  use<T>(work: (item: Item) => Promise<T>): Promise<T>;
  /** Closes what is idle, so that the next user opens anew. */
  clear(): void;
  /** Those in use are closed when they come back. */
  close(): void;
}>;

type PoolOptions<Item> = Readonly<{
  sizeMax: number;
  open: () => Promise<Item>;
  /** Asked before an item is used again. */
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
