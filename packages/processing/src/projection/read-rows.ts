import type { ModelStore, Row, Table, Value } from "../ports/model-store.ts";

/**
 * Rows that were read by key since the last commit, as stored. An event often needs a row several
 * times: to read it, to compare it, and to replace it.
 */
export type ReadRows = Readonly<{
  get(table: Table, key: readonly Value[], name: string): Promise<Row | null>;
  /** Forgets all rows: a commit changes them. */
  clear(): void;
}>;

/** Rows of a table beyond which all of its rows are dropped: what a few events read. */
const ROWS_MAX = 256;

export function createReadRows(store: Pick<ModelStore, "get">): ReadRows {
  const tables = new Map<Table, Map<string, Row | null>>();
  return {
    async get(table, key, name) {
      const rows = tables.get(table) ?? new Map<string, Row | null>();
      const before = rows.get(name);
      if (before !== undefined) return before;
      const row = await store.get(table, key);
      if (rows.size >= ROWS_MAX) rows.clear();
      rows.set(name, row);
      tables.set(table, rows);
      return row;
    },
    clear: () => tables.clear(),
  };
}
