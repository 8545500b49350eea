import type { Row, Selection, Table } from "../ports/table.ts";

/** Whatever answers a selection: a store, a moment of it, a buffer before it. */
type Selecting = Readonly<{
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
}>;

/**
 * Every row that a selection finds, in its order; `limit` is how many are read at once. What changes
 * while it goes on is seen as it stands when its page is read.
 */
export async function* everyRow(
  from: Selecting,
  table: Table,
  selection: Selection,
): AsyncGenerator<Row, undefined> {
  const { orderBy, limit } = selection;
  for (let page = selection; ; ) {
    const rows = await from.select(table, page);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return;
    page = { ...selection, beyond: orderBy.map((column) => last[column] ?? null) };
  }
}
