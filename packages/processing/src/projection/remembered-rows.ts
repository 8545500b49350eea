import type { Condition, Row, Rows, Selection, Table, Value } from "../ports/model-store.ts";
import { createKnownRanges, type KnownRanges, spanOf } from "./known-ranges.ts";

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
    const span = { ...selection, ...spanOf([], selection) };
    const covered = ranges.find(span);
    if (covered.isAll) return covered.rows;
    const { descending, beyond, limit } = selection;
    const name = `${query}\u0002${descending === true}\u0002${beyond && tupleText(beyond)}\u0002${limit}`;
    const found = await once(name, table, ask);
    ranges.add(span, found);
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
