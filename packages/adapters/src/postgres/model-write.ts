import type { Commit } from "@counterfoil/processing/ports/model-store";
import type { Row, Table, Value } from "@counterfoil/processing/ports/table";
import { bigintArray, textArray } from "./array-parameter.ts";
import type { BinaryWriter } from "./binary-writer.ts";
import type { Statement } from "./client.ts";
import { copiedRows } from "./copy-rows.ts";
import { type Place, tableName } from "./model-layout.ts";
import { prepared } from "./model-rows.ts";
import { quoted, quotedList } from "./sql-name.ts";

/** A statement with the values of many rows: one array a column. */
export type Write = Readonly<{ statement: Statement; values: readonly Buffer[] }>;

/** Rows for COPY, which takes no values but a stream of rows. */
export type Copy = Readonly<{ target: string; rows: Buffer }>;

/** What a commit writes, encoded before anything is sent: a row that is broken breaks nothing. */
export type CommitWrites = Readonly<{ copies: readonly Copy[]; writes: readonly Write[] }>;

/** Rows of one insert from which on COPY is faster than arrays. */
const COPY_ROWS_MIN = 500;
/** Rows of one statement: the server keeps its arrays in memory below this, on disk beyond. */
const WRITE_ROWS_MAX = 2_000;

export function isBulk({ inserts }: Commit): boolean {
  return inserts.some(({ rows }) => rows.length >= COPY_ROWS_MIN);
}

/** @param canCopy whether the connection does */
export function commitWrites(commit: Commit, place: Place, canCopy: boolean): CommitWrites {
  const copies: Copy[] = [];
  const writes: Write[] = [];
  for (const { table, rows } of commit.inserts) {
    if (canCopy && rows.length >= COPY_ROWS_MIN) copies.push(copyOf(table, rows, place));
    else writes.push(...rowWrites(table, rows, insertText(table, place)));
  }
  for (const { table, rows } of commit.puts) {
    writes.push(...rowWrites(table, lastOfEachKey(table, rows), putText(table, place)));
  }
  for (const { table, keys } of commit.deletes) {
    if (keys.length > 0) writes.push(deleteWrite(table, keys, place));
  }
  return { copies, writes };
}

function copyOf(table: Table, rows: readonly Row[], place: Place): Copy {
  const names = Object.keys(table.columns);
  const writers = names.map((name) => valueWriter(table, name));
  const writeRow = (writer: BinaryWriter, row: Row) => {
    for (const write of writers) write(writer, row);
  };
  const target = `${tableName(place, table)} (${quotedList(names)})`;
  return { target, rows: copiedRows(rows, names.length, writeRow) };
}

function valueWriter(table: Table, name: string) {
  const isText = table.columns[name]?.type === "text";
  return (writer: BinaryWriter, row: Row) => {
    const value = valueIn(table, row, name);
    if (value === null) writer.none();
    else if (isText) writer.text(String(value));
    else writer.integer(value as number | bigint);
  };
}

function rowWrites(table: Table, rows: readonly Row[], text: string): readonly Write[] {
  const names = Object.keys(table.columns);
  const statement = prepared(text);
  const writes: Write[] = [];
  for (let at = 0; at < rows.length; at += WRITE_ROWS_MAX) {
    const some = rows.slice(at, at + WRITE_ROWS_MAX);
    const values = names.map((name) =>
      columnArray(
        table,
        name,
        some.map((row) => valueIn(table, row, name)),
      ),
    );
    writes.push({ statement, values });
  }
  return writes;
}

function deleteWrite(table: Table, keys: readonly (readonly Value[])[], place: Place): Write {
  const values = table.key.map((name, at) =>
    columnArray(
      table,
      name,
      keys.map((key) => key[at] ?? null),
    ),
  );
  const isGone = table.key.map((name, at) => `t.${quoted(name)} = gone.k${at}`).join(" AND ");
  const columns = table.key.map((_, at) => `k${at}`).join(", ");
  const arrays = arrayPlaces(table, table.key);
  const text = `DELETE FROM ${tableName(place, table)} AS t USING unnest(${arrays}) AS gone (${columns}) WHERE ${isGone}`;
  return { statement: prepared(text), values };
}

function insertText(table: Table, place: Place): string {
  const names = Object.keys(table.columns);
  return `INSERT INTO ${tableName(place, table)} (${quotedList(names)}) SELECT * FROM unnest(${arrayPlaces(table, names)}) AS t`;
}

function putText(table: Table, place: Place): string {
  const updated = Object.keys(table.columns).filter((column) => !table.key.includes(column));
  const update = updated.map((column) => `${quoted(column)} = excluded.${quoted(column)}`);
  const action = update.length === 0 ? "NOTHING" : `UPDATE SET ${update.join(", ")}`;
  return `${insertText(table, place)} ON CONFLICT (${quotedList(table.key)}) DO ${action}`;
}

function arrayPlaces(table: Table, names: readonly string[]): string {
  const types = names.map((name) => (table.columns[name]?.type === "text" ? "text" : "bigint"));
  return types.map((type, at) => `$${at + 1}::${type}[]`).join(", ");
}

function columnArray(table: Table, name: string, values: readonly Value[]): Buffer {
  if (table.columns[name]?.type === "text") return textArray(values as (string | null)[]);
  return bigintArray(values as (number | bigint | null)[]);
}

function valueIn(table: Table, row: Row, name: string): Value {
  const value = row[name];
  if (value !== undefined) return value;
  throw new Error(`a row for table ${table.name} lacks column ${name}; it has ${Object.keys(row)}`);
}

/** One statement may put a row only once. */
function lastOfEachKey(table: Table, rows: readonly Row[]): readonly Row[] {
  const last = new Map<string, Row>();
  for (const row of rows) last.set(JSON.stringify(table.key.map((name) => String(row[name]))), row);
  return last.size === rows.length ? rows : [...last.values()];
}
