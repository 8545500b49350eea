import { firstWhere } from "@counterfoil/core/sorted";
import {
  type Row,
  type Selection,
  type Table,
  textLength,
  type Value,
} from "../ports/model-store.ts";
import { comparePlace, compareRows, compareTuples, fixedPrefix } from "./selection.ts";

/**
 * Rows that were read or put, as they are now, and where no others are. The facts of a hot key need
 * the same neighbours again and again, and to read a row takes as long as to fold a fact.
 */
export interface KnownRows {
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

/** Before or behind all rows whose first columns of an order have these values. */
type Cut = Readonly<{ at: readonly Value[]; isBehind: boolean }>;

/** From one cut of an order to another. */
type Span = Readonly<{ low: Cut; high: Cut }>;

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

/** Where the rows of a selection may be that begin with these values. */
export function spanOf(
  prefix: readonly Value[],
  { descending = false, beyond }: Pick<Selection, "descending" | "beyond">,
): Span {
  const [low, high] = [false, true].map((isBehind) => ({ at: prefix, isBehind })) as [Cut, Cut];
  if (beyond === undefined) return { low, high };
  const cut = { at: beyond, isBehind: !descending };
  const start = compareCuts(cut, low) < 0 ? low : compareCuts(cut, high) > 0 ? high : cut;
  return descending ? { low, high: start } : { low: start, high };
}

/** A selection of one order: its rows from one end of the span, in its direction. */
type Asked = Span & Pick<Selection, "descending" | "limit">;

/**
 * Ranges of one order in which all rows are known, or known not to exist. No two rows have the same
 * place, as is true of every order that pages are read in; for a moment two may, while they move.
 */
export type KnownRanges = Readonly<{
  /** The first rows as far as they are known; the others are `beyond` a place, if it is given. */
  find(asked: Asked): Readonly<{ rows: readonly Row[]; isAll: boolean; beyond?: readonly Value[] }>;
  add(asked: Asked, found: readonly Row[]): void;
  /** A row replaced another; null for none. @returns whether it lies in a known range */
  replace(before: Row | null, after: Row | null): boolean;
}>;

type Range = Span & Readonly<{ rows: Row[] }>;

export function createKnownRanges(orderBy: readonly string[]): KnownRanges {
  /** In order; between two of them is at least one place that is not known. */
  const ranges: Range[] = [];

  const comparePlaces = compareRows(orderBy);
  const placeOf = (row: Row): Value[] => orderBy.map((column) => row[column] ?? null);
  const cutAt = (row: Row, isBehind: boolean): Cut => ({ at: placeOf(row), isBehind });
  const isBefore = (row: Row, { at, isBehind }: Cut): boolean => {
    const order = comparePlace(row, orderBy, at);
    return order === 0 ? isBehind : order < 0;
  };
  const countBefore = (rows: readonly Row[], cut: Cut): number =>
    firstWhere(rows, (row) => !isBefore(row, cut));

  /** The range that a row lies in or belongs in. */
  function rangeAround(row: Row): Range | undefined {
    const range = ranges[firstWhere(ranges, ({ high }) => isBefore(row, high))];
    return range && !isBefore(row, range.low) ? range : undefined;
  }

  function indexIn({ rows }: Range, row: Row): number {
    const at = rows.indexOf(row, countBefore(rows, cutAt(row, false)));
    if (at < 0) throw new Error(`a known row is not at its place: ${placeOf(row)}`);
    return at;
  }

  /** Joins two ranges without a gap between them; where they overlap, both have the same rows. */
  function join(a: Range, b: Range): Range {
    const [large, small] = a.rows.length < b.rows.length ? [b, a] : [a, b];
    const from = countBefore(large.rows, small.low);
    const to = countBefore(large.rows, small.high);
    large.rows.splice(from, to - from, ...small.rows);
    const low = compareCuts(a.low, b.low) < 0 ? a.low : b.low;
    const high = compareCuts(a.high, b.high) < 0 ? b.high : a.high;
    return { low, high, rows: large.rows };
  }

  return {
    find({ low, high, descending = false, limit }) {
      const start = descending ? high : low;
      const range = ranges[firstWhere(ranges, (one) => compareCuts(one.high, start) >= 0)];
      if (!range || compareCuts(range.low, start) > 0) return { rows: [], isAll: false };
      const [isFromLow, isToHigh] = [
        compareCuts(range.low, low) <= 0,
        compareCuts(range.high, high) >= 0,
      ];
      let from = isFromLow ? countBefore(range.rows, low) : 0;
      let to = isToHigh ? countBefore(range.rows, high) : range.rows.length;
      if (descending) from = Math.max(from, to - limit);
      else to = Math.min(to, from + limit);
      const rows = range.rows.slice(from, to);
      if (descending) rows.reverse();
      const isAll = rows.length >= limit || (descending ? isFromLow : isToHigh);
      if (isAll) return { rows, isAll };
      const end = descending ? range.low : range.high;
      const isPlace = end.at.length === orderBy.length && end.isBehind !== descending;
      const last = rows.at(-1);
      if (isPlace) return { rows, isAll, beyond: end.at };
      return last ? { rows, isAll, beyond: placeOf(last) } : { rows, isAll };
    },
    add({ low, high, descending = false, limit }, found) {
      const rows = descending ? found.toReversed() : [...found];
      const last = found.length < limit ? undefined : found.at(-1);
      // Beyond the last row of a full page there may be more.
      const end = last && cutAt(last, !descending);
      const span = { low: (descending && end) || low, high: (!descending && end) || high };
      const first = firstWhere(ranges, (one) => compareCuts(one.high, span.low) >= 0);
      const behind = firstWhere(ranges, (one) => compareCuts(one.low, span.high) > 0);
      const joined = ranges.slice(first, behind).reduce(join, { ...span, rows });
      ranges.splice(first, behind - first, joined);
    },
    replace(before, after) {
      const from = before && rangeAround(before);
      if (from && after && comparePlaces(before, after) === 0) {
        from.rows[indexIn(from, before)] = after;
        return true;
      }
      if (from) from.rows.splice(indexIn(from, before), 1);
      const to = after && rangeAround(after);
      if (!to) return false;
      to.rows.splice(countBefore(to.rows, cutAt(after, false)), 0, after);
      return true;
    },
  };
}

/** The order of two cuts: one behind some values is behind all that begin with them. */
function compareCuts(a: Cut, b: Cut): number {
  const isShort = a.at.length < b.at.length;
  const order = isShort ? compareTuples(a.at, b.at) : -compareTuples(b.at, a.at);
  if (order !== 0) return order;
  if (isShort) return a.isBehind ? 1 : -1;
  if (a.at.length > b.at.length) return b.isBehind ? -1 : 1;
  return Number(a.isBehind) - Number(b.isBehind);
}
