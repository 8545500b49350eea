import type { Hashing } from "@counterfoil/core/hashing";
import {
  type Checkpoint,
  type Commit,
  type ModelStore,
  type Row,
  type Selection,
  type Table,
  type TableRows,
  textLength,
  type Value,
} from "../ports/model-store.ts";
import { createDigestSums, type Leaf, rowLeaf } from "./digests.ts";
import { compareRows, inOrderOf, isBeyond, meets } from "./selection.ts";

/**
 * What a projection changed since its last commit. A row that changes many times between two
 * commits is written, and digested, once.
 */
export interface RowBuffer {
  /** The row as it stands now, committed or not. */
  get(table: Table, key: readonly Value[]): Promise<Row | null>;
  /**
   * Rows as they stand now, committed or not. The table has a `partition`, and the selection asks
   * for one value of it.
   */
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
  /**
   * @param stored the row as it was last committed, or its share in the digests; null where it is
   *   new. What is given first after a commit counts.
   * @returns the row's own share, filled in by the commit: whoever keeps it need not keep the row.
   */
  put(table: Table, row: Row, stored: Row | Share | null): Share;
  /** A row without digest whose key is new: nothing has to be known of it. */
  append(table: Table, row: Row): void;
  /** @param key a row with the key's columns; @param stored as for `put`. */
  remove(table: Table, key: Row, stored: Row | Share | null): void;
  /** Rows that were put and are not committed yet. */
  pending(table: Table): readonly Row[];
  isEmpty(): boolean;
  /** How much text it has taken in since the last commit. */
  textLength(): number;
  /** How many committed rows selections had to pass over since then, as they stand otherwise now. */
  passedOver(): number;
  commit(position: number, hash: string): Promise<Checkpoint>;
}

/** What a row adds to the digests; null until a commit has computed it. */
export type Share = { leaf: Leaf | null };

/** `row` null: gone. `stored` null: it was not there at the last commit. */
type Slot = {
  row: Row | null;
  readonly key: Row;
  readonly stored: Row | Share | null;
  readonly share: Share;
};

type Slots = Map<string, Slot>;

export function createRowBuffer(
  store: ModelStore,
  start: Checkpoint,
  hashing: Hashing,
  isDigested = true,
): RowBuffer {
  let slots = new Map<Table, Slots>();
  const pendingRows = createPendingRows((table) => standingRows(slots.get(table)));
  let appended = new Map<Table, Row[]>();
  let [length, passed] = [0, 0];
  const sums = createDigestSums(start);

  function slotsOf(table: Table): Map<string, Slot> {
    let found = slots.get(table);
    if (found === undefined) {
      found = new Map();
      slots.set(table, found);
    }
    return found;
  }

  function set(table: Table, keyRow: Row, row: Row | null, stored: Row | Share | null): Share {
    const key = keyOfRow(table, keyRow);
    const changed = slotsOf(table);
    const known = changed.get(key);
    const slot = known ?? { row, key: keyRow, stored, share: { leaf: null } };
    pendingRows.replace(table, known?.row ?? null, row);
    if (known === undefined) changed.set(key, slot);
    if (row !== null) length += textLength(row);
    if (known === undefined && stored !== null && !isShare(stored)) length += textLength(stored);
    slot.row = row;
    return slot.share;
  }

  function digestSlot(table: Table, { row, stored, share }: Slot): void {
    if (!isDigested || table.digested === "none") return;
    const before = stored && (isShare(stored) ? stored.leaf : rowLeaf(table, stored, hashing));
    const after = row && rowLeaf(table, row, hashing);
    share.leaf = after;
    sums.replace(before, after);
  }

  return {
    async get(table, key) {
      const slot = slots.get(table)?.get(keyText(key));
      return slot ? slot.row : store.get(table, key);
    },
    // Whoever folds wants all that it asks for.
    async select(table, { bytesMax: _, ...selection }) {
      const pending = pendingRows.select(table, selection);
      const { kept, passedOver } = await unchangedRows(store, table, selection, slots.get(table));
      passed += passedOver;
      if (pending.length === 0) return kept.slice(0, selection.limit);
      return [...kept, ...pending].sort(inOrderOf(selection)).slice(0, selection.limit);
    },
    put: (table, row, stored) => set(table, row, row, stored),
    append(table, row) {
      length += textLength(row);
      const rows = appended.get(table);
      if (rows) rows.push(row);
      else appended.set(table, [row]);
    },
    remove: (table, key, stored) => {
      set(table, key, null, stored);
    },
    pending: (table) => standingRows(slots.get(table)),
    isEmpty: () => slots.size === 0 && appended.size === 0,
    textLength: () => length,
    passedOver: () => passed,
    async commit(position, hash) {
      for (const [table, changed] of slots) {
        for (const slot of changed.values()) digestSlot(table, slot);
      }
      const checkpoint = { position, hash, ...sums.digests() };
      await store.commit({ ...writesOf(slots, appended), checkpoint });
      slots = new Map();
      pendingRows.clear();
      appended = new Map();
      [length, passed] = [0, 0];
      return checkpoint;
    },
  };
}

/** What a selection finds among the committed rows that nobody has changed since; at least as many as asked. */
async function unchangedRows(
  store: ModelStore,
  table: Table,
  selection: Selection,
  changed: Slots | undefined,
): Promise<Readonly<{ kept: readonly Row[]; passedOver: number }>> {
  if (changed === undefined) return { kept: await store.select(table, selection), passedOver: 0 };
  const { orderBy } = selection;
  const kept: Row[] = [];
  let read = 0;
  for (let page = selection; kept.length < selection.limit; ) {
    const stored = await store.select(table, page);
    for (const row of stored) if (!changed.has(keyOfRow(table, row))) kept.push(row);
    read += stored.length;
    const last = stored.at(-1);
    if (last === undefined || stored.length < page.limit) break;
    const beyond = orderBy.map((column) => last[column] ?? null);
    page = { ...selection, beyond, limit: Math.min(SKIPPED_MAX, 2 * page.limit) };
  }
  return { kept, passedOver: read - kept.length };
}

/** Who asks for one row may meet a thousand that changed: pages grow, up to this many rows. */
const SKIPPED_MAX = 256;

/** Everything that changed since the last commit. */
function writesOf(
  slots: ReadonlyMap<Table, Slots>,
  appended: ReadonlyMap<Table, Row[]>,
): Omit<Commit, "checkpoint"> {
  const inserts = [...appended].map(([table, rows]) => ({ table, rows }));
  const puts: TableRows[] = [];
  const deletes: Commit["deletes"][number][] = [];
  for (const [table, changed] of slots) {
    const { fresh, known } = standingIn(changed);
    if (fresh.length > 0) inserts.push({ table, rows: fresh });
    if (known.length > 0) puts.push({ table, rows: known });
    deletes.push({ table, keys: keysGone(table, changed) });
  }
  return { inserts, puts, deletes };
}

function standingIn(changed: Slots) {
  const [fresh, known]: [Row[], Row[]] = [[], []];
  for (const { row, stored } of changed.values()) {
    if (row !== null) (stored === null ? fresh : known).push(row);
  }
  return { fresh, known };
}

const standingRows = (slots: Slots | undefined): Row[] =>
  [...(slots?.values() ?? [])].flatMap(({ row }) => (row === null ? [] : [row]));

function keyOfRow({ key }: Table, row: Row): string {
  let text = String(row[key[0] ?? ""]);
  for (let at = 1; at < key.length; at += 1) text += `\u0001${row[key[at] ?? ""]}`;
  return text;
}

const keyText = (key: readonly Value[]): string => key.join("\u0001");

const isShare = (stored: Row | Share): stored is Share => "leaf" in stored;

function keysGone(table: Table, changed: ReadonlyMap<string, Slot>): Value[][] {
  const keys: Value[][] = [];
  for (const { row, stored, key } of changed.values()) {
    if (row !== null || stored === null) continue;
    keys.push(table.key.map((column) => key[column] ?? null));
  }
  return keys;
}

/**
 * Rows of tables with a partition that are not committed yet, in the orders that they are asked for:
 * a selection seeks its place among them and goes on from there, however many there are. A table that
 * nobody selects from costs nothing, as nearly all between two commits of a rebuild.
 */
interface PendingRows {
  /** A row took another's place; null: there was none, or there is none any more. */
  replace(table: Table, before: Row | null, after: Row | null): void;
  /** At most as many rows as the selection asks for, in its order. */
  select(table: Table, selection: Selection): readonly Row[];
  clear(): void;
}

type Part = Readonly<{
  rows: Set<Row>;
  /** By the columns of an order, the rows in it; made when it is asked for first. */
  orders: Map<string, Row[]>;
}>;

function createPendingRows(rowsOf: (table: Table) => Iterable<Row>): PendingRows {
  /** Of the tables that were selected from since the last commit. */
  let tables = new Map<Table, Parts>();

  function partsOf(table: Table, column: string): Parts {
    const known = tables.get(table);
    if (known !== undefined) return known;
    const parts: Parts = new Map();
    for (const row of rowsOf(table)) add(partOf(parts, row[column] ?? null), row);
    tables.set(table, parts);
    return parts;
  }

  return {
    replace(table, before, after) {
      const parts = tables.get(table);
      const column = table.partition;
      if (parts === undefined || column === undefined) return;
      if (before !== null) take(partOf(parts, before[column] ?? null), before);
      if (after !== null) add(partOf(parts, after[column] ?? null), after);
    },
    select(table, selection) {
      const { where = [], orderBy } = selection;
      const asked = where.find(({ column, is }) => column === table.partition && is === "=");
      if (asked === undefined) {
        throw new Error(`a selection of ${table.name} asks for one ${table.partition}`);
      }
      const part = partsOf(table, asked.column).get(asked.value as Value);
      return part === undefined ? [] : found(orderOf(part, orderBy), selection);
    },
    clear() {
      tables = new Map();
    },
  };
}

/** By the value of the table's partition. */
type Parts = Map<Value, Part>;

function partOf(parts: Parts, value: Value): Part {
  const known = parts.get(value);
  if (known !== undefined) return known;
  const part: Part = { rows: new Set(), orders: new Map() };
  parts.set(value, part);
  return part;
}

function orderOf({ rows, orders }: Part, columns: readonly string[]): readonly Row[] {
  const name = columns.join();
  const known = orders.get(name) ?? [...rows].sort(compareRows(columns));
  orders.set(name, known);
  return known;
}

function add({ rows, orders }: Part, row: Row): void {
  rows.add(row);
  for (const [columns, order] of orders)
    order.splice(placeIn(order, columns.split(","), row), 0, row);
}

function take({ rows, orders }: Part, row: Row): void {
  rows.delete(row);
  for (const [columns, order] of orders) {
    // Rows that an order does not tell apart lie together.
    const at = order.indexOf(row, placeIn(order, columns.split(","), row));
    if (at >= 0) order.splice(at, 1);
  }
}

/** The first place whose row does not stand before this one. */
function placeIn(order: readonly Row[], columns: readonly string[], row: Row): number {
  const compare = compareRows(columns);
  return firstWhere(order, (other) => compare(other, row) >= 0);
}

function firstWhere(order: readonly Row[], meetsIt: (row: Row) => boolean): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (meetsIt(order[middle] as Row)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function found(order: readonly Row[], selection: Selection): readonly Row[] {
  const { where = [], descending = false, limit } = selection;
  const rows: Row[] = [];
  const step = descending ? -1 : 1;
  // Backwards, what lies beyond stands before the first that does not.
  const first = firstWhere(order, (row) => isBeyond(row, selection) !== descending);
  for (let at = descending ? first - 1 : first; at >= 0 && at < order.length; at += step) {
    const row = order[at] as Row;
    if (!meets(row, where)) continue;
    rows.push(row);
    if (rows.length === limit) break;
  }
  return rows;
}
