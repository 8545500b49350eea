import type { Condition, Row, Rows, Selection, Table, Value } from "../ports/model-store.ts";
import { compareTuples } from "./selection.ts";

export type RememberedRows = Rows &
  Readonly<{
    /** How many rows the answers held together. */
    asked: () => number;
  }>;

/**
 * The rows of one moment, each question asked once, and each row one object however it is asked for:
 * what is read of it once is known of it. Of rows in order that lie side by side it is known that there
 * are no others between them: who looks around in them asks nobody.
 */
export function rememberRows(rows: Rows): RememberedRows {
  const answers = new Map<string, Promise<readonly Row[]>>();
  const known = new Map<string, Row>();
  const stretches = new Map<string, Stretches>();
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
    const of = `${table.name}\u0002${whereText(where)}\u0002${orderBy}`;
    const isPlain = among === undefined && bytesMax === undefined;
    // How far such an answer reaches is not said by its rows, and nobody asks for it twice.
    if (!isPlain) return (await ask()).map((row) => same(table, row));
    const near = stretches.get(of) ?? createStretches(orderBy);
    stretches.set(of, near);
    const covered = near.find(selection);
    if (covered !== null) return covered;
    const { descending, beyond, limit } = selection;
    const name = `${of}\u0002${descending === true}\u0002${beyond && tupleText(beyond)}\u0002${limit}`;
    const found = await once(name, table, ask);
    near.add(found, selection);
    return found;
  }

  function noted(found: readonly Row[]): readonly Row[] {
    asked += Math.max(1, found.length);
    return found;
  }

  return {
    asked: () => asked,
    get: async (table, key) => {
      const name = rowName(table, key);
      const row = known.get(name);
      if (row !== undefined) return noted([row])[0] ?? null;
      const found = await once(name, table, async () => {
        const row = await rows.get(table, key);
        return row === null ? [] : [row];
      });
      return noted(found)[0] ?? null;
    },
    select: async (table, selection) => noted(await select(table, selection)),
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

/** A number and the text that it is printed as are two values. */
const valueText = (value: Value): string => `${typeof value}:${value}`;

/** Rows side by side in one order, ascending, with the values that they are ordered by. */
type Stretch = Readonly<{
  rows: readonly Row[];
  places: readonly (readonly Value[])[];
  /** Whether nothing stands before them, and behind them. */
  isStart: boolean;
  isEnd: boolean;
}>;

type Stretches = ReturnType<typeof createStretches>;

/** More are of no use: who looks around goes on beside what was found. */
const STRETCHES_MAX = 8;

function createStretches(orderBy: readonly string[]) {
  let stretches: readonly Stretch[] = [];
  return {
    /** What a selection finds, if all of it is known; else null. */
    find(selection: Selection): readonly Row[] | null {
      for (const stretch of stretches) {
        const found = foundIn(stretch, selection);
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
      let merged: Stretch = { rows, places, isStart, isEnd };
      const others = stretches.filter((stretch) => {
        const isBeside = areOverlapping(stretch, merged);
        if (isBeside) merged = merge(stretch, merged);
        return !isBeside;
      });
      stretches = [merged, ...others].slice(0, STRETCHES_MAX);
    },
  };
}

function foundIn(
  { rows, places, isStart, isEnd }: Stretch,
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

/** How many of the places stand before this one, with `order` 0 those right there too. */
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

const areOverlapping = (a: Stretch, b: Stretch): boolean =>
  compareTuples(first(a.places), last(b.places)) <= 0 &&
  compareTuples(first(b.places), last(a.places)) <= 0;

/** Of two that overlap: what the first has before the second, the second, what the first has behind it. */
function merge(a: Stretch, b: Stretch): Stretch {
  const before = countUpTo(a.places, first(b.places), -1);
  const behind = countUpTo(a.places, last(b.places), 0);
  return {
    rows: [...a.rows.slice(0, before), ...b.rows, ...a.rows.slice(behind)],
    places: [...a.places.slice(0, before), ...b.places, ...a.places.slice(behind)],
    isStart: a.isStart || b.isStart,
    isEnd: a.isEnd || b.isEnd,
  };
}

const first = (places: Stretch["places"]): readonly Value[] => places[0] ?? [];
const last = (places: Stretch["places"]): readonly Value[] => places.at(-1) ?? [];
