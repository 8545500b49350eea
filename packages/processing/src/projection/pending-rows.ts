import { firstWhere } from "@counterfoil/core/sorted";
import type { Row, Selection, Table, Value } from "../ports/model-store.ts";
import { comparePlace, compareRows, fixedPrefix, isBeyond, meets } from "./selection.ts";

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

export function createPendingRows(rowsOf: (table: Table) => Iterable<Row>): PendingRows {
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
