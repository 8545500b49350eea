import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Commit, ModelStore, StoreName } from "@counterfoil/processing/ports/model-store";
import type { Row, Table, Value } from "@counterfoil/processing/ports/table";
import { inTransaction, openDatabase } from "./database.ts";
import { MODEL_FILE } from "./engine-error.ts";
import { createLogSizer } from "./log-size.ts";
import { prepareCheckpoint, quoted, quotedList } from "./model-layout.ts";
import { createTableRows } from "./model-rows.ts";
import { isKey } from "./model-select.ts";
import { createReconnectingConnection } from "./reconnecting-connection.ts";

export const MODEL_PRAGMAS = [
  "journal_mode = WAL",
  // The log is flushed only before it is copied back: a crash may lose the last commits, never a
  // part of one, and what is lost is projected again.
  "synchronous = NORMAL",
  "journal_size_limit = 67108864",
  "cache_size = -65536",
];

/** Rows of one insert: each call into SQLite has a price, which many rows share. */
const INSERT_ROWS = 16;

const LOG_SIZE = { bulkRows: 1_000, livePages: 1_000, bulkPages: 16_000 };

export type ModelStoreOptions = Readonly<{ file: string; model: StoreName; generation: number }>;

export function openModelStore(options: ModelStoreOptions): ModelStore {
  const { file, model, generation } = options;
  const connection = createReconnectingConnection({
    file,
    kind: MODEL_FILE,
    mode: "write",
    open: () => openModelWriter(file, MODEL_PRAGMAS),
  });
  const { use, peek } = connection;
  return {
    model,
    generation,
    // What a projection reads goes into the commit that ends it, or nowhere.
    get: (table, key) => peek(({ rows }) => rows.get(table, key)),
    select: (table, selection) => peek(({ rows }) => rows.select(table, selection)),
    count: (table) => use(({ rows }) => rows.count(table)),
    checkpoint: () => use(({ checkpoint }) => checkpoint()),
    commit: (commit) => use(({ write }) => write(commit)),
    close: async () => connection.close(),
  };
}

/** A connection that writes one generation, with everything prepared on it. */
export function openModelWriter(file: string, pragmas: readonly string[]) {
  const database = openDatabase(file, { mode: "write", pragmas });
  return {
    database,
    rows: createTableRows(database),
    checkpoint: prepareCheckpoint(database),
    write: createWrite(database),
  };
}

function createWrite(database: DatabaseSync): (commit: Commit) => void {
  const tables = new Map<Table, TableWriter>();
  const writerOf = (table: Table) => {
    const writer = tables.get(table) ?? createTableWriter(database, table);
    tables.set(table, writer);
    return writer;
  };
  const moveCheckpoint = database.prepare(
    "UPDATE checkpoint SET position = ?, hash = ?, digest = ?, state_digest = ?",
  );
  const sizeLog = createLogSizer(database, LOG_SIZE);

  return ({ inserts, puts, deletes, checkpoint }) => {
    sizeLog([...inserts, ...puts].reduce((sum, { rows }) => sum + rows.length, 0));
    inTransaction(database, "IMMEDIATE", () => {
      for (const { table, rows } of inserts) writerOf(table).insert(rows);
      for (const { table, rows } of puts) writerOf(table).put(rows);
      for (const { table, keys } of deletes) writerOf(table).remove(keys);
      const { position, hash, digest, state_digest } = checkpoint;
      moveCheckpoint.run(position, hash, digest, state_digest);
    });
  };
}

type TableWriter = Readonly<{
  insert(rows: readonly Row[]): void;
  put(rows: readonly Row[]): void;
  remove(keys: readonly (readonly Value[])[]): void;
}>;

function createTableWriter(database: DatabaseSync, table: Table): TableWriter {
  const columns = Object.keys(table.columns);
  const remove = database.prepare(`DELETE FROM ${quoted(table.name)} WHERE ${isKey(table)}`);
  const writer = (sql: (rows: number) => string) => {
    const [one, many] = [database.prepare(sql(1)), database.prepare(sql(INSERT_ROWS))];
    const write = (statement: StatementSync, rows: readonly Row[]) => {
      const values: Value[] = [];
      for (const row of rows) for (const column of columns) values.push(row[column] as Value);
      statement.run(...values);
    };
    return (rows: readonly Row[]) => {
      const whole = rows.length - (rows.length % INSERT_ROWS);
      for (let at = 0; at < whole; at += INSERT_ROWS) write(many, rows.slice(at, at + INSERT_ROWS));
      for (let at = whole; at < rows.length; at += 1) write(one, rows.slice(at, at + 1));
    };
  };
  return {
    insert: writer((rows) => insertSql(table, rows)),
    put: writer((rows) => putSql(table, rows)),
    remove: (keys) => {
      for (const key of keys) remove.run(...key);
    },
  };
}

/** An update in place: REPLACE would delete the row and its index entries and write all anew. */
function putSql(table: Table, rows: number): string {
  const columns = Object.keys(table.columns);
  const updated = columns.filter((column) => !table.key.includes(column));
  const update = updated.map((column) => `${quoted(column)} = excluded.${quoted(column)}`);
  const action = update.length === 0 ? "NOTHING" : `UPDATE SET ${update.join(", ")}`;
  return `${insertSql(table, rows)} ON CONFLICT (${quotedList(table.key)}) DO ${action}`;
}

function insertSql(table: Table, rows: number): string {
  const columns = Object.keys(table.columns);
  const places = `(${columns.map(() => "?").join(", ")})`;
  return `INSERT INTO ${quoted(table.name)} (${quotedList(columns)}) VALUES ${Array(rows).fill(places).join(", ")}`;
}
