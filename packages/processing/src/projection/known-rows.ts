import {
  type Row,
  type Selection,
  type Table,
  textLength,
  type Value,
} from "../ports/model-store.ts";
import { createKnownRanges, type KnownRanges, spanOf } from "./known-ranges.ts";
import { fixedPrefix } from "./selection.ts";

/**
 * Rows that were read or put, as they are now, and where no others are. The facts of a hot key need
 * the same neighbours again and again, and to read a row takes as long as to fold a fact.
 */
interface KnownRows {
  /** undefined if it is not known; it may exist. */
  get(table: Table, key: string): Row | undefined;
  /** The first rows of a selection, as far as they are known, and the selection of the others. */
  find(table: Table, selection: Selection): FirstRows;
  /** Keeps what a selection found. @returns the same rows, each as the object that is known already */
  add(table: Table, selection: Selection, found: readonly Row[]): readonly Row[];
  /** The row with this key was put; null if it was removed. */
  put(table: Table, key: string, row: Row | null): void;
}

/** `rest` is null if all rows of the selection are known. */
type FirstRows = Readonly<{ rows: readonly Row[]; rest: Selection | null }>;

/**
 * Length of the kept rows, beyond which all are dropped: 7,500 entries, some 15 MiB. Each projector has
 * so much.
 */
const LENGTH_MAX = 8 * 1024 * 1024;

/**
 * Rows put since, beyond those that selections found, at which all are dropped: a key whose facts
 * arrive in order is hot too, but nearly never read.
 */
const UNREAD_MAX = 2000;

/** What a row takes besides its text, what the place of a selection takes, and what its partition takes. */
const ROW_LENGTH = 512;
const RANGE_LENGTH = 256;
const PARTITION_LENGTH = 768;

const lengthOf = (row: Row): number => ROW_LENGTH + textLength(row);

/** The known rows of a table by key, and the known ranges of each partition by the columns of their order. */
type KnownTable = Readonly<{
  rows: Map<string, Row>;
  partitions: Map<Value, Map<string, KnownRanges>>;
}>;

/** @param keyOf the text of a row's key, as given to `get` and `put` */
export function createKnownRows(
  keyOf: (table: Table, row: Row) => string,
  lengthMax = LENGTH_MAX,
): KnownRows {
  const tables = new Map<Table, KnownTable>();
  let [length, unread] = [0, 0];

  function forget(): void {
    tables.clear();
    [length, unread] = [0, 0];
  }

  function keep({ rows }: KnownTable, key: string, row: Row): Row {
    const known = rows.get(key);
    if (known !== undefined) return known;
    rows.set(key, row);
    length += lengthOf(row);
    return row;
  }

  return {
    get: (table, key) => tables.get(table)?.rows.get(key),
    find(table, selection) {
      const orders = tables.get(table)?.partitions.get(partitionOf(table, selection));
      const ranges = orders?.get(selection.orderBy.join());
      const prefix = ranges && prefixOf(table, selection);
      if (!prefix) return { rows: [], rest: selection };
      const { rows, isAll, beyond } = ranges.find({ ...selection, ...spanOf(prefix, selection) });
      unread = Math.max(0, unread - rows.length);
      if (isAll) return { rows, rest: null };
      const limit = selection.limit - rows.length;
      return { rows, rest: { ...selection, limit, ...(beyond && { beyond }) } };
    },
    add(table, selection, found) {
      const prefix = prefixOf(table, selection);
      if (prefix === null) return found;
      if (length > lengthMax) forget();
      const known = getOrAdd(tables, table, () => ({ rows: new Map(), partitions: new Map() }));
      const rows = found.map((row) => keep(known, keyOf(table, row), row));
      const partition = partitionOf(table, selection);
      const orders = getOrAdd(known.partitions, partition, () => new Map<string, KnownRanges>());
      const { orderBy } = selection;
      const ranges = getOrAdd(orders, orderBy.join(), () => {
        length += PARTITION_LENGTH;
        return createKnownRanges(orderBy);
      });
      ranges.add({ ...selection, ...spanOf(prefix, selection) }, rows);
      length += RANGE_LENGTH;
      return rows;
    },
    put(table, key, row) {
      const known = tables.get(table);
      if (known === undefined) return;
      const before = known.rows.get(key) ?? null;
      const [from, to] = [rangesOf(known, table, before), rangesOf(known, table, row)];
      if (from !== to) for (const ranges of from.values()) ranges.replace(before, null);
      let isKnown = false;
      for (const ranges of to.values()) {
        isKnown = ranges.replace(from === to ? before : null, row) || isKnown;
      }
      if (before !== null) {
        known.rows.delete(key);
        length -= lengthOf(before);
      }
      if (row === null || !isKnown) return;
      keep(known, key, row);
      unread += 1;
      if (unread > UNREAD_MAX) forget();
    },
  };
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const created = create();
  map.set(key, created);
  return created;
}

const partitionOf = ({ partition }: Table, { where = [] }: Selection): Value =>
  (where.find(({ column }) => column === partition)?.value ?? null) as Value;

const NO_RANGES: ReadonlyMap<string, KnownRanges> = new Map();

function rangesOf(
  { partitions }: KnownTable,
  { partition = "" }: Table,
  row: Row | null,
): ReadonlyMap<string, KnownRanges> {
  return (row && partitions.get(row[partition] ?? null)) ?? NO_RANGES;
}

/**
 * The values that a selection fixes in the first columns of its order. Null if its rows are not
 * adjacent in the order of their partition: it has another condition.
 */
function prefixOf({ partition }: Table, selection: Selection): readonly Value[] | null {
  const { where = [], among, orderBy } = selection;
  const prefix = fixedPrefix(selection);
  const isFixed = (column: string) =>
    column === partition || orderBy.slice(0, prefix.length).includes(column);
  const areAdjacent = where.every(({ column, is }) => is === "=" && isFixed(column));
  return areAdjacent && among === undefined ? prefix : null;
}
