import type { DatabaseSync } from "node:sqlite";
import { FileUnusable } from "@counterfoil/processing/ports/errors";
import type { Row, Table } from "@counterfoil/processing/ports/table";
import { createTableSql, quoted, quotedList, valueIn } from "../sql/tables.ts";
import type { Stored } from "../sql/trouble.ts";
import { inTransaction, openDatabase, PAGES_KEPT, portError } from "./database.ts";
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
const PRAGMAS = ["journal_mode = OFF", "synchronous = OFF", PAGES_KEPT.projecting];

const REPLAY = `
  CREATE TABLE replay (
    model TEXT PRIMARY KEY, model_version INTEGER NOT NULL, position INTEGER NOT NULL,
    digest TEXT NOT NULL, state_digest TEXT NOT NULL, code_version TEXT NOT NULL
  )`;

const ROWS_AT_ONCE = 1000;

const FILE: Stored = {
  name: "replay",
  unavailable: FileUnusable,
  corrupted: FileUnusable,
  missing: FileUnusable,
};

/** @throws FileUnusable, as its functions, where it cannot be written */
export function createReplayFile(path: string): ReplayFile {
  const inWords = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw portError(error, FILE, path);
    }
  };
  const database = inWords(() => openDatabase(path, { mode: "create", pragmas: PRAGMAS }));
  inWords(() => database.exec(REPLAY));
  return {
    async copy(model, table, rows) {
      const write = inWords(() => createWriter(database, `${model}_${table.name}`, table));
      let some: Row[] = [];
      for await (const row of rows) {
        if (some.push(row) < ROWS_AT_ONCE) continue;
        inWords(() => write(some));
        some = [];
      }
      inWords(() => write(some));
    },
    note({ model, model_version, position, digest, state_digest }, codeVersion) {
      const values = [model, model_version, position, digest, state_digest, codeVersion];
      inWords(() =>
        database.prepare("INSERT INTO replay VALUES (?, ?, ?, ?, ?, ?)").run(...values),
      );
    },
    close: () => database.close(),
  };
}

/** Makes the table. @returns a function that writes rows to it */
function createWriter(
  database: DatabaseSync,
  name: string,
  table: Table,
): (rows: readonly Row[]) => void {
  database.exec(createTableSql(SQLITE, quoted(name), table));
  const columns = Object.keys(table.columns);
  const marks = columns.map(() => "?").join(", ");
  const insert = database.prepare(
    `INSERT INTO ${quoted(name)} (${quotedList(columns)}) VALUES (${marks})`,
  );
  return (rows) =>
    inTransaction(database, "IMMEDIATE", () => {
      for (const row of rows) insert.run(...columns.map((column) => valueIn(table, row, column)));
    });
}
