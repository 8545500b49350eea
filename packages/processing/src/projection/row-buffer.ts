import type { Hashing } from "@counterfoil/core/hashing";
import { firstWhere } from "@counterfoil/core/sorted";
import {
  type Changes,
  type Checkpoint,
  type ModelStore,
  type Row,
  type Selection,
  type Table,
  type TableRows,
  textLength,
  type Value,
} from "../ports/model-store.ts";
import { createDigestSums, type DigestSums, type Leaf, rowLeaf } from "./digests.ts";
import { createKnownRows } from "./known-rows.ts";
import { createReadRows } from "./read-rows.ts";
import {
  comparePlace,
  compareRows,
  fixedPrefix,
  inOrderOf,
  isBeyond,
  keyOfRow,
  keyText,
  meets,
  rowsWithout,
} from "./selection.ts";

/**
 * The changes of a projection since its last commit. A row that changes many times between two
 * commits is written and digested once.
 */
export interface RowBuffer {
  /** The current row, committed or not. */
  get(table: Table, key: readonly Value[]): Promise<Row | null>;
  /**
   * The current rows, committed or not. The table has a `partition`, and the selection is for one
   * value of it.
   */
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
  /**
   * @param stored the row as last committed, or its digests; null if it is new. Only the first
   *   value given after a commit is used.
   * @returns the row's own digests, filled in by the commit: a caller that keeps them need not keep
   *   the row.
   */
  put(table: Table, row: Row, stored: Row | Share | null): Share;
  /** Adds a row without a digest under a new key; its previous state is not read. */
  append(table: Table, row: Row): void;
  /** @param key a row with the key's columns; @param stored as for `put`. */
  remove(table: Table, key: Row, stored: Row | Share | null): void;
  /** Rows that were put and not committed yet. */
  pending(table: Table): readonly Row[];
  isEmpty(): boolean;
  /** Length of the text added since the last commit, or since it was staged. */
  textLength(): number;
  /** Writes the changes as a part of the next commit, and releases their memory. */
  stage(): Promise<void>;
  commit(position: number, hash: string): Promise<Checkpoint>;
}

/** The digests of a row; null until a commit has computed them. */
export type Share = { leaf: Leaf | null };

/** `row` is null if it is removed, `stored` if it did not exist at the last commit. */
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
  const pendingRows = createPendingRows((table) => remainingRows(slots.get(table)));
  let appended = new Map<Table, Row[]>();
  const known = createKnownRows(keyOfRow);
  const read = createReadRows(store);
  let length = 0;
  /** The position up to which rows may be stored. */
  let storedTo = start.position;
  const sums = createDigestSums(start);

  function slotsOf(table: Table): Slots {
    const found = slots.get(table) ?? new Map();
    return slots.set(table, found) && found;
  }

  function set(table: Table, keyRow: Row, row: Row | null, stored: Row | Share | null): Share {
    const key = keyOfRow(table, keyRow);
    const changed = slotsOf(table);
    const before = changed.get(key);
    const slot = before ?? { row, key: keyRow, stored, share: { leaf: null } };
    pendingRows.replace(table, before?.row ?? null, row);
    known.put(table, key, row);
    if (before === undefined) changed.set(key, slot);
    if (row !== null) length += textLength(row);
    if (before === undefined && stored !== null && !isShare(stored)) length += textLength(stored);
    slot.row = row;
    return slot.share;
  }

  /** The changes since they were last cleared, added to the digests. */
  function takeChanges(): Changes {
    if (isDigested) addDigests(sums, slots, hashing);
    return changesOf(slots, appended);
  }

  function clear(): void {
    slots = new Map();
    appended = new Map();
    read.clear();
    pendingRows.clear();
    length = 0;
  }

  return {
    async get(table, key) {
      const name = keyText(key);
      const slot = slots.get(table)?.get(name);
      if (slot !== undefined) return slot.row;
      // What an event adds under its position is not stored before the event is.
      if (table.key[0] === "position" && Number(key[0]) > storedTo) return null;
      return known.get(table, name) ?? read.get(table, key, name);
    },
    // A fold needs all rows that it selects, so a bound of bytes is ignored.
    async select(table, { bytesMax: _, ...selection }) {
      const { rows, rest } = known.find(table, selection);
      if (rest === null) return rows;
      const pending = pendingRows.select(table, rest);
      const changed = slots.get(table);
      const kept = await rowsWithout(store, table, rest, (key) => changed?.has(key) === true);
      const all = pending.length === 0 ? kept : [...kept, ...pending].sort(inOrderOf(rest));
      const others = known.add(table, rest, all.slice(0, rest.limit));
      return rows.length === 0 ? others : [...rows, ...others];
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
    pending: (table) => remainingRows(slots.get(table)),
    isEmpty: () => slots.size === 0 && appended.size === 0,
    textLength: () => length,
    async stage() {
      await store.stage(takeChanges());
      clear();
      // Rows of an event are stored now that is not committed.
      storedTo = Number.POSITIVE_INFINITY;
    },
    async commit(position, hash) {
      const changes = takeChanges();
      const checkpoint = { position, hash, ...sums.digests() };
      await store.commit({ ...changes, checkpoint });
      clear();
      storedTo = position;
      return checkpoint;
    },
  };
}

/** Replaces the digests of changed rows in the sums. */
function addDigests(sums: DigestSums, slots: ReadonlyMap<Table, Slots>, hashing: Hashing): void {
  for (const [table, changed] of slots) {
    if (table.digested === "none") continue;
    for (const { row, stored, share } of changed.values()) {
      const before = stored && (isShare(stored) ? stored.leaf : rowLeaf(table, stored, hashing));
      share.leaf = row && rowLeaf(table, row, hashing);
      sums.replace(before, share.leaf);
    }
  }
}

function changesOf(slots: ReadonlyMap<Table, Slots>, appended: ReadonlyMap<Table, Row[]>): Changes {
  const inserts = [...appended].map(([table, rows]) => ({ table, rows }));
  const puts: TableRows[] = [];
  const deletes: Changes["deletes"][number][] = [];
  for (const [table, changed] of slots) {
    const { inserted, updated } = changedRows(changed);
    if (inserted.length > 0) inserts.push({ table, rows: inserted });
    if (updated.length > 0) puts.push({ table, rows: updated });
    deletes.push({ table, keys: removedKeys(table, changed) });
  }
  return { inserts, puts, deletes };
}

function changedRows(changed: Slots) {
  const [inserted, updated]: [Row[], Row[]] = [[], []];
  for (const { row, stored } of changed.values()) {
    if (row !== null) (stored === null ? inserted : updated).push(row);
  }
  return { inserted, updated };
}

const remainingRows = (slots: Slots | undefined): Row[] =>
  [...(slots?.values() ?? [])].flatMap(({ row }) => (row === null ? [] : [row]));

const isShare = (stored: Row | Share): stored is Share => "leaf" in stored;

function removedKeys(table: Table, changed: ReadonlyMap<string, Slot>): Value[][] {
  const keys: Value[][] = [];
  for (const { row, stored, key } of changed.values()) {
    if (row !== null || stored === null) continue;
    keys.push(table.key.map((column) => key[column] ?? null));
  }
  return keys;
}

/**
 * Uncommitted rows of tables with a partition, in the orders that are selected: a selection seeks
 * its start and reads on from there, however many rows there are. A table without selections costs
 * nothing, as is true of nearly all between two commits of a rebuild.
 */
interface PendingRows {
  /** A row replaced another; null if there was none, or is none any more. */
  replace(table: Table, before: Row | null, after: Row | null): void;
  /** At most `limit` rows of the selection, in its order. */
  select(table: Table, selection: Selection): readonly Row[];
  clear(): void;
}

type Part = Readonly<{
  rows: Set<Row>;
  /** The rows in each requested order, by the names of its columns; built on first use. */
  orders: Map<string, Order>;
}>;

type Order = Readonly<{ compare: (a: Row, b: Row) => number; rows: Row[] }>;

function createPendingRows(rowsOf: (table: Table) => Iterable<Row>): PendingRows {
  /** Only tables that were selected from since the last commit. */
  let tables = new Map<Table, Parts>();

  function partsOf(table: Table, column: string): Parts {
    const known = tables.get(table);
    if (known !== undefined) return known;
    const parts: Parts = new Map();
    for (const row of rowsOf(table)) addTo(partOf(parts, row[column] ?? null), row);
    tables.set(table, parts);
    return parts;
  }

  return {
    replace(table, before, after) {
      const parts = tables.get(table);
      const column = table.partition;
      if (parts === undefined || column === undefined) return;
      if (before !== null) removeFrom(partOf(parts, before[column] ?? null), before);
      if (after !== null) addTo(partOf(parts, after[column] ?? null), after);
    },
    select(table, selection) {
      const { where = [], orderBy } = selection;
      const asked = where.find(({ column, is }) => column === table.partition && is === "=");
      if (asked === undefined) {
        throw new Error(`a selection of ${table.name} asks for one ${table.partition}`);
      }
      const part = partsOf(table, asked.column).get(asked.value as Value);
      return part === undefined ? [] : selectFrom(orderOf(part, orderBy), selection);
    },
    clear() {
      tables = new Map();
    },
  };
}

/** Parts by the value of the table's partition. */
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
  const known = orders.get(name);
  if (known !== undefined) return known.rows;
  const compare = compareRows(columns);
  const order = { compare, rows: [...rows].sort(compare) };
  orders.set(name, order);
  return order.rows;
}

function addTo({ rows, orders }: Part, row: Row): void {
  rows.add(row);
  for (const order of orders.values()) order.rows.splice(indexIn(order, row), 0, row);
}

function removeFrom({ rows, orders }: Part, row: Row): void {
  rows.delete(row);
  for (const order of orders.values()) {
    // Rows that compare as equal are adjacent.
    const at = order.rows.indexOf(row, indexIn(order, row));
    if (at >= 0) order.rows.splice(at, 1);
  }
}

/** The first index whose row does not come before this one. */
const indexIn = ({ rows, compare }: Order, row: Row): number =>
  firstWhere(rows, (other) => compare(other, row) >= 0);

function selectFrom(order: readonly Row[], selection: Selection): readonly Row[] {
  const { where = [], descending = false, limit } = selection;
  const rows: Row[] = [];
  const { start, end } = rangeOf(order, selection);
  // In descending order, the rows beyond the cursor are before the first that is not.
  const first = firstWhere(order, (row) => isBeyond(row, selection) !== descending);
  const step = descending ? -1 : 1;
  const from = descending ? Math.min(first, end) - 1 : Math.max(first, start);
  for (let at = from; at >= start && at < end; at += step) {
    const row = order[at] as Row;
    if (!meets(row, where)) continue;
    rows.push(row);
    if (rows.length === limit) break;
  }
  return rows;
}

/** Where the rows are whose first columns have the values that the conditions ask for. */
function rangeOf(order: readonly Row[], selection: Selection) {
  const prefix = fixedPrefix(selection);
  const compare = (row: Row) => comparePlace(row, selection.orderBy, prefix);
  return {
    start: firstWhere(order, (row) => compare(row) >= 0),
    end: firstWhere(order, (row) => compare(row) > 0),
  };
}
