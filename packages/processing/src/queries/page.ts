import type { Clock } from "../ports/clock.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Condition, Row, Selection, Table, Value } from "../ports/table.ts";
import { inOrderOf } from "../projection/selection.ts";

/** Which records of a list: at most `limit`, after the key that the page before ended with. */
export type PageRequest = Readonly<{ limit: number; beyond: readonly Value[] | null }>;

/**
 * A page of records. `next`: the key to go on from, null where nothing follows. A filter that no
 * index answers may leave a page short of its limit, even empty, with more to come.
 */
export type Page<Record> = Readonly<{ data: readonly Record[]; next: readonly Value[] | null }>;

/** How a list is read: its rows in order, each one's key, and the record of a row that belongs in it. */
export type PageSource<Record, Item = Row> = Readonly<{
  read: (beyond: readonly Value[] | null, limit: number) => Promise<readonly Item[]>;
  keyOf: (row: Item) => readonly Value[];
  recordOf: (row: Item) => Promise<Record | null> | Record | null;
  /** Lets others have their turn: an embedded engine answers without ever giving up its thread. */
  nextTurn: Clock["nextTurn"];
}>;

/** Rows between two turns of others, of which each may cost a few look-ups. */
const BATCH_MAX = 100;
/** Rows that one page may look at, before it ends short of its limit. */
const SCANNED_MAX = 2000;

/** Reads rows until the page is full, or until it has looked at as many as one request may cost. */
export async function readPage<Record, Item = Row>(
  { limit, beyond }: PageRequest,
  { read, keyOf, recordOf, nextTurn }: PageSource<Record, Item>,
): Promise<Page<Record>> {
  const data: Record[] = [];
  const batch = Math.min(limit + 1, BATCH_MAX);
  let last = beyond;
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += batch) {
    const rows = await read(last, batch);
    for (const row of rows) {
      const record = await recordOf(row);
      // One more than was asked for tells that something follows.
      if (record !== null && data.length === limit) return { data, next: last };
      if (record !== null) data.push(record);
      last = keyOf(row);
    }
    if (rows.length < batch) return { data, next: null };
    await nextTurn();
  }
  return { data, next: last };
}

/** A page of what is in memory already. */
export function cutPage<Item>(
  items: readonly Item[],
  limit: number,
  keyOf: (item: Item) => readonly Value[],
): Page<Item> {
  const data = items.slice(0, limit);
  const last = data.at(-1);
  return { data, next: items.length > limit && last !== undefined ? keyOf(last) : null };
}

/** A selection's part for `beyond`, which must be left out where a list begins. */
export const beyondPart = (
  beyond: readonly Value[] | null,
): Readonly<{ beyond?: readonly Value[] }> => (beyond === null ? {} : { beyond });

/** Rows that meet one of several conditions, in order, each once. */
export async function selectEither(
  rows: Rows,
  table: Table,
  either: readonly (readonly Condition[])[],
  selection: Selection,
): Promise<readonly Row[]> {
  const found = new Map<string, Row>();
  for (const one of either) {
    const where = [...(selection.where ?? []), ...one];
    for (const row of await rows.select(table, { ...selection, where })) {
      found.set(String(row.id), row);
    }
  }
  return [...found.values()].sort(inOrderOf(selection)).slice(0, selection.limit);
}
