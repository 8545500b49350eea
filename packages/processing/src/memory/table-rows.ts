import type { Row, Selection, Table, Value } from "../ports/table.ts";
import { inOrderOf, isBeyond, meets } from "../projection/selection.ts";

/** The rows of one table by their key, see `keyOf`. */
export type TableRows = ReadonlyMap<string, Row>;

export function keyOf(key: readonly Value[]): string {
  return JSON.stringify(key.map((value) => (typeof value === "bigint" ? `${value}n` : value)));
}

export function keyOfRow(table: Table, row: Row): string {
  return keyOf(table.key.map((column) => row[column] ?? null));
}

/** A row of exactly the described columns. Engines with a schema refuse others too. */
export function checkedRow(table: Table, row: Row): Row {
  const missing = Object.keys(table.columns).find((column) => row[column] === undefined);
  if (missing === undefined) {
    return Object.fromEntries(Object.keys(table.columns).map((name) => [name, row[name] ?? null]));
  }
  throw new Error(`a row of ${table.name} has no ${missing}; what is absent must be null`);
}

export function selectRows(rows: TableRows, table: Table, selection: Selection): readonly Row[] {
  const { where = [], orderBy, limit } = selection;
  checkColumns(table, [...where.map(({ column }) => column), ...orderBy]);
  return [...rows.values()]
    .filter((row) => meets(row, where) && isBeyond(row, selection))
    .sort(inOrderOf(selection))
    .slice(0, limit);
}

function checkColumns(table: Table, names: readonly string[]): void {
  const unknown = names.find((name) => !Object.hasOwn(table.columns, name));
  if (unknown !== undefined) throw new Error(`table ${table.name} has no column ${unknown}`);
}
