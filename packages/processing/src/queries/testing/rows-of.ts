import type { Row, Rows, Table } from "../../ports/model-store.ts";
import { createMemoryModelCatalogue } from "../../testing/memory-model-catalogue.ts";

/** A model of these rows; columns that are not given are null. */
export async function rowsOf(
  ...tables: readonly (readonly [table: Table, rows: readonly Row[]])[]
): Promise<Rows> {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("balances", { tables: tables.map(([table]) => table), modelVersion: 1 });
  const store = await catalogue.openForWriting("balances", 1);
  const puts = tables.map(([table, rows]) => ({
    table,
    rows: rows.map((row) => ({ ...emptyRow(table), ...row })),
  }));
  await store.commit({ inserts: [], puts, deletes: [], checkpoint: await store.checkpoint() });
  return store;
}

function emptyRow({ columns }: Table): Row {
  return Object.fromEntries(Object.keys(columns).map((column) => [column, null]));
}
