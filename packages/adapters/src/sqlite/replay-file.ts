import type { DatabaseSync } from "node:sqlite";
import { FileUnusable } from "@counterfoil/processing/ports/errors";
import type { Row, Table } from "@counterfoil/processing/ports/model-store";
import type { ErrorMapping } from "../sql/engine-errors.ts";
import { createTableSql, quoted, quotedList, valueIn } from "../sql/tables.ts";
import { inTransaction, openDatabase, PAGE_CACHE, portError } from "./database.ts";
import { SQLITE } from "./model-tables.ts";

/** The version and digests of a model replayed up to a position. */
type ReplayedModel = Readonly<{
  model: string;
  model_version: number;
  position: number;
  digest: string;
  state_digest: string;
}>;

/** One SQLite file with the tables of several models, each named `<model>_<table>`. */
export type ReplayFile = Readonly<{
  /** Copies the rows of a table. */
  copy(model: string, table: Table, rows: AsyncIterable<Row>): Promise<void>;
  /** Records a copied model in the table `replay`. */
  note(replayed: ReplayedModel, codeVersion: string): void;
  close(): void;
}>;

/** The file is used only when it is complete, so it need not survive a crash. */
const REPLAY_PRAGMAS = ["journal_mode = OFF", "synchronous = OFF", PAGE_CACHE.projecting];

const REPLAY = `
  CREATE TABLE replay (
    model TEXT PRIMARY KEY, model_version INTEGER NOT NULL, position INTEGER NOT NULL,
    digest TEXT NOT NULL, state_digest TEXT NOT NULL, code_version TEXT NOT NULL
  )`;

const ROWS_PER_WRITE = 1000;

const FILE: ErrorMapping = {
  name: "replay",
  unavailable: FileUnusable,
  corrupted: FileUnusable,
  missing: FileUnusable,
  otherLayout: FileUnusable,
  otherLayoutAdvice: "another program changes it: write to a file of its own",
};

/** @throws FileUnusable, here and in its functions, if the file cannot be written */
export function createReplayFile(path: string): ReplayFile {
  const withFileErrors = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw portError(error, FILE, path);
    }
  };
  const database = withFileErrors(() =>
    openDatabase(path, { mode: "create", pragmas: REPLAY_PRAGMAS }),
  );
  withFileErrors(() => database.exec(REPLAY));
  return {
    async copy(model, table, rows) {
      const write = withFileErrors(() => createWriter(database, `${model}_${table.name}`, table));
      let batch: Row[] = [];
      for await (const row of rows) {
        if (batch.push(row) < ROWS_PER_WRITE) continue;
        withFileErrors(() => write(batch));
        batch = [];
      }
      withFileErrors(() => write(batch));
    },
    note({ model, model_version, position, digest, state_digest }, codeVersion) {
      const values = [model, model_version, position, digest, state_digest, codeVersion];
      withFileErrors(() =>
        database.prepare("INSERT INTO replay VALUES (?, ?, ?, ?, ?, ?)").run(...values),
      );
    },
    close: () => database.close(),
  };
}

/** Creates the table. @returns a function that writes rows to it */
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
