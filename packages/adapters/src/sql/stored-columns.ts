import type { Table } from "@counterfoil/processing/ports/model-store";

/** The columns of a generation by the stored names of its tables. */
export type StoredColumns = ReadonlyMap<string, ReadonlySet<string>>;

/** @param cells the stored name of a table and of a column of it, one row each */
export function storedColumns(cells: Iterable<readonly unknown[]>): StoredColumns {
  const columns = new Map<string, Set<string>>();
  for (const [table, column] of cells) {
    const known = columns.get(String(table)) ?? new Set();
    columns.set(String(table), known.add(String(column)));
  }
  return columns;
}

/** Whether a stored table lacks a column that a reader takes for null then. */
export type Lacks = (table: Table, column: string) => boolean;

/** @param nameOf the stored name of a table */
export function lacksIn(stored: StoredColumns, nameOf: (table: Table) => string): Lacks {
  return (table, column) =>
    table.columns[column]?.isAdded === true && stored.get(nameOf(table))?.has(column) === false;
}
