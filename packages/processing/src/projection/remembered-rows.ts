import type { Condition, Row, Rows, Selection, Table, Value } from "../ports/model-store.ts";
import { compareTuples } from "./selection.ts";

export type RememberedRows = Rows &
  Readonly<{
    /** The number of rows returned so far, counting an empty result as one. */
    asked: () => number;
  }>;

/**
 * Caches the rows of one moment: each query runs once, and each row is one object however it is
 * selected, so that values derived from it can be cached by it. A known range of adjacent rows has
 * no others between them, so selections within it need no query.
 */
export function rememberRows(rows: Rows): RememberedRows {
  const answers = new Map<string, Promise<readonly Row[]>>();
  const known = new Map<string, Row>();
  const rangesByQuery = new Map<string, KnownRanges>();
  let asked = 0;

  function same(table: Table, row: Row): Row {
    const name = rowName(
      table,
      table.key.map((column) => row[column] ?? null),
    );
    const found = known.get(name) ?? row;
    known.set(name, found);
    return found;
  }

  async function once(name: string, table: Table, ask: () => Promise<readonly Row[]>) {
    const answer = answers.get(name) ?? ask().then((found) => found.map((row) => same(table, row)));
    answers.set(name, answer);
    return answer;
  }

  async function select(table: Table, selection: Selection): Promise<readonly Row[]> {
    const { where = [], among, orderBy, bytesMax } = selection;
    const ask = () => rows.select(table, selection);
    const query = `${table.name}\u0002${whereText(where)}\u0002${orderBy}`;
    const isPlain = among === undefined && bytesMax === undefined;
    // The rows of such a result do not show how far it reaches, and it is not requested twice.
    if (!isPlain) return (await ask()).map((row) => same(table, row));
    const ranges = rangesByQuery.get(query) ?? createKnownRanges(orderBy);
    rangesByQuery.set(query, ranges);
    const covered = ranges.find(selection);
    if (covered !== null) return covered;
    const { descending, beyond, limit } = selection;
    const name = `${query}\u0002${descending === true}\u0002${beyond && tupleText(beyond)}\u0002${limit}`;
    const found = await once(name, table, ask);
    ranges.add(found, selection);
    return found;
  }

  function counted(found: readonly Row[]): readonly Row[] {
    asked += Math.max(1, found.length);
    return found;
  }

  return {
    asked: () => asked,
    get: async (table, key) => {
      const name = rowName(table, key);
      const row = known.get(name);
      const ask = async () => {
        const stored = await rows.get(table, key);
        return stored === null ? [] : [stored];
      };
      const [found = null] = counted(row ? [row] : await once(name, table, ask));
      return found;
    },
    select: async (table, selection) => counted(await select(table, selection)),
    count: (table, where, most) => rows.count(table, where, most),
  };
}

const rowName = ({ name }: Table, key: readonly Value[]): string =>
  `${name}\u0001${tupleText(key)}`;

const whereText = (where: readonly Condition[]): string =>
  where
    .map(({ column, is, value }) => {
      const values = Array.isArray(value) ? tupleText(value) : valueText(value as Value);
      return `${column}${is}${values}`;
    })
    .join("\u0003");

const tupleText = (values: readonly Value[]): string => values.map(valueText).join("\u0001");

/** A number and its text are different values. */
const valueText = (value: Value): string => `${typeof value}:${value}`;

/** Adjacent rows in one ascending order, with the values that they are ordered by. */
type KnownRange = Readonly<{
  rows: readonly Row[];
  places: readonly (readonly Value[])[];
  /** Whether there are no rows before them, and none after them. */
  isStart: boolean;
  isEnd: boolean;
}>;

type KnownRanges = ReturnType<typeof createKnownRanges>;

/**
 * Maximum number of ranges; callers continue next to the rows that they found, so more are not
 * useful.
 */
const RANGES_MAX = 8;

function createKnownRanges(orderBy: readonly string[]) {
  let ranges: readonly KnownRange[] = [];
  return {
    /** The rows of a selection if all of them are known; else null. */
    find(selection: Selection): readonly Row[] | null {
      for (const range of ranges) {
        const found = foundIn(range, selection);
        if (found !== null) return found;
      }
      return null;
    },
    add(found: readonly Row[], { descending = false, beyond, limit }: Selection): void {
      const isAll = found.length < limit;
      const rows = descending ? found.toReversed() : found;
      const places = rows.map((row) => orderBy.map((column) => row[column] ?? null));
      const isStart = descending ? isAll : beyond === undefined;
      const isEnd = descending ? beyond === undefined : isAll;
      if (rows.length === 0) return;
      let merged: KnownRange = { rows, places, isStart, isEnd };
      const others = ranges.filter((range) => {
        const isBeside = areOverlapping(range, merged);
        if (isBeside) merged = merge(range, merged);
        return !isBeside;
      });
      ranges = [merged, ...others].slice(0, RANGES_MAX);
    },
  };
}

function foundIn(
  { rows, places, isStart, isEnd }: KnownRange,
  { descending = false, beyond, limit }: Selection,
): readonly Row[] | null {
  if (beyond === undefined) {
    if (!(descending ? isEnd : isStart)) return null;
  } else {
    const isKnownBefore = isStart || compareTuples(first(places), beyond) <= 0;
    if (!isKnownBefore || !(isEnd || compareTuples(beyond, last(places)) <= 0)) return null;
  }
  if (descending) {
    const end = beyond === undefined ? rows.length : countUpTo(places, beyond, -1);
    if (end < limit && !isStart) return null;
    return rows.slice(Math.max(0, end - limit), end).reverse();
  }
  const start = beyond === undefined ? 0 : countUpTo(places, beyond, 0);
  return start + limit > rows.length && !isEnd ? null : rows.slice(start, start + limit);
}

/** Number of places before this one; with `order` 0, including equal ones. */
function countUpTo(
  places: readonly (readonly Value[])[],
  place: readonly Value[],
  order: -1 | 0,
): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareTuples(places[middle] as readonly Value[], place) <= order) low = middle + 1;
    else high = middle;
  }
  return low;
}

const areOverlapping = (a: KnownRange, b: KnownRange): boolean =>
  compareTuples(first(a.places), last(b.places)) <= 0 &&
  compareTuples(first(b.places), last(a.places)) <= 0;

/**
 * Merges two overlapping ranges: the rows of the first before the second, the second, and the rows
 * of the first after it.
 */
function merge(a: KnownRange, b: KnownRange): KnownRange {
  const before = countUpTo(a.places, first(b.places), -1);
  const behind = countUpTo(a.places, last(b.places), 0);
  return {
    rows: [...a.rows.slice(0, before), ...b.rows, ...a.rows.slice(behind)],
    places: [...a.places.slice(0, before), ...b.places, ...a.places.slice(behind)],
    isStart: a.isStart || b.isStart,
    isEnd: a.isEnd || b.isEnd,
  };
}

const first = (places: KnownRange["places"]): readonly Value[] => places[0] ?? [];
const last = (places: KnownRange["places"]): readonly Value[] => places.at(-1) ?? [];
