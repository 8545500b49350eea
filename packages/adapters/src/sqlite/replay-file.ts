import type { DatabaseSync } from "node:sqlite";
import type { Row, Table } from "@counterfoil/processing/ports/table";
import { createTableSql, quoted, quotedList, valueIn } from "../sql/tables.ts";
import { inTransaction, openDatabase } from "./database.ts";
import { SQLITE } from "./model-tables.ts";

/** What a model was at a position. */
export type ReplayedModel = Readonly<{
  model: string;
  model_version: number;
  position: number;
  digest: string;
  state_digest: string;
}>;

/** One SQLite file with the tables of several models, each named `<model>_<table>`. */
export type ReplayFile = Readonly<{
  /** Copies a table's rows as they come. */
  copy(model: string, table: Table, rows: AsyncIterable<Row>): Promise<void>;
  /** Notes in the table `replay` what has been copied. */
  note(replayed: ReplayedModel, codeVersion: string): void;
  close(): void;
}>;

/** Nobody knows the file before it is whole, so nothing of it has to survive a crash. */
const PRAGMAS = ["journal_mode = OFF", "synchronous = OFF", "cache_size = -16384"];

const REPLAY = `
  CREATE TABLE replay (
    model TEXT PRIMARY KEY, model_version INTEGER NOT NULL, position INTEGER NOT NULL,
    digest TEXT NOT NULL, state_digest TEXT NOT NULL, code_version TEXT NOT NULL
  )`;

const ROWS_AT_ONCE = 1000;

export function createReplayFile(path: string): ReplayFile {
  const database = openDatabase(path, { mode: "create", pragmas: PRAGMAS });
  database.exec(REPLAY);
  return {
    copy: (model, table, rows) => copyRows(database, `${model}_${table.name}`, table, rows),
    note: ({ model, model_version, position, digest, state_digest }, codeVersion) => {
      const insert = database.prepare("INSERT INTO replay VALUES (?, ?, ?, ?, ?, ?)");
      insert.run(model, model_version, position, digest, state_digest, codeVersion);
    },
    close: () => database.close(),
  };
}

async function copyRows(
  database: DatabaseSync,
  name: string,
  table: Table,
  rows: AsyncIterable<Row>,
): Promise<void> {
  database.exec(createTableSql(SQLITE, quoted(name), table));
  const columns = Object.keys(table.columns);
  const marks = columns.map(() => "?").join(", ");
  const insert = database.prepare(
    `INSERT INTO ${quoted(name)} (${quotedList(columns)}) VALUES (${marks})`,
  );
  let some: Row[] = [];
  const write = () => {
    inTransaction(database, "IMMEDIATE", () => {
      for (const row of some) insert.run(...columns.map((column) => valueIn(table, row, column)));
    });
    some = [];
  };
  for await (const row of rows) {
    if (some.push(row) >= ROWS_AT_ONCE) write();
  }
  write();
}
