import type { DatabaseSync } from "node:sqlite";
import { FormatTooNew } from "@counterfoil/processing/ports/errors";
import type { Checkpoint } from "@counterfoil/processing/ports/model-store";
import type { ColumnType, Table } from "@counterfoil/processing/ports/table";
import { inTransaction } from "./database.ts";

/** Of this file's layout; the meaning of the rows has the model's version. */
const FORMAT = 1;

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  text: "TEXT",
  integer: "INTEGER",
  nanos: "INTEGER",
};

/** What the digests of no rows are. */
const NO_ROWS = "0".repeat(64);

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

/** A name that SQL takes literally. Names come from table descriptions, never from a request. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(", ");
}

/** In one transaction with the checkpoint's row, by which a finished layout is known. */
export function layOutModel(
  database: DatabaseSync,
  { tables, modelVersion }: Readonly<{ tables: readonly Table[]; modelVersion: number }>,
): void {
  inTransaction(database, "IMMEDIATE", () => {
    for (const table of tables) for (const sql of tableSql(table)) database.exec(sql);
    database.exec(CHECKPOINT_TABLE);
    database
      .prepare("INSERT INTO checkpoint VALUES (1, ?, ?, 0, '', ?, ?)")
      .run(FORMAT, modelVersion, NO_ROWS, NO_ROWS);
  });
}

/**
 * Ordinary rowid tables: rows go to the end, and only the narrow key index is written all over. A
 * WITHOUT ROWID table would keep the wide rows in key order, which halves the speed of a rebuild.
 */
export function tableSql(table: Table): readonly string[] {
  const columns = Object.entries(table.columns).map(
    ([name, { type }]) =>
      `${quoted(name)} ${SQL_TYPES[type]}${table.key.includes(name) ? " NOT NULL" : ""}`,
  );
  return [
    `CREATE TABLE ${quoted(table.name)} (${columns.join(", ")}, PRIMARY KEY (${quotedList(table.key)}))`,
    ...indexesOf(table).map(({ create }) => create),
  ];
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
  if (Number(row.format) > FORMAT) {
    throw new FormatTooNew(
      `a read model has format ${row.format}, and this program knows none above ${FORMAT}: run the newer program that wrote it`,
    );
  }
  return { modelVersion: Number(row.model_version), checkpoint: prepareCheckpoint(database)() };
}

/** @returns a function that reads the checkpoint of the connection's present moment. */
export function prepareCheckpoint(database: DatabaseSync): () => Checkpoint {
  const statement = database.prepare("SELECT position, hash, digest, state_digest FROM checkpoint");
  return () => {
    const row = statement.get();
    if (row === undefined) throw new Error("the model's checkpoint is gone: rebuild the model");
    return {
      position: Number(row.position),
      hash: String(row.hash),
      digest: String(row.digest),
      state_digest: String(row.state_digest),
    };
  };
}
