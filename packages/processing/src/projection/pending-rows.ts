import type { Row, Selection, Table, Value } from "../ports/table.ts";
import { compareRows, isBeyond, meets } from "./selecting.ts";

/**
 * Rows of tables with a partition that are not committed yet, in the orders that they are asked for:
 * a selection seeks its place among them and goes on from there, however many there are.
 */
export interface PendingRows {
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

export function createPendingRows(): PendingRows {
  let parts = new Map<Table, Map<Value, Part>>();

  function partOf(table: Table, value: Value): Part {
    const known = parts.get(table) ?? new Map<Value, Part>();
    parts.set(table, known);
    const part = known.get(value) ?? { rows: new Set(), orders: new Map() };
    known.set(value, part);
    return part;
  }

  return {
    replace(table, before, after) {
      const column = table.partition;
      if (column === undefined) return;
      if (before !== null) take(partOf(table, before[column] ?? null), before);
      if (after !== null) add(partOf(table, after[column] ?? null), after);
    },
    select(table, selection) {
      const { where = [], orderBy } = selection;
      const asked = where.find(({ column, is }) => column === table.partition && is === "=");
      if (asked === undefined) {
        throw new Error(`a selection of ${table.name} asks for one ${table.partition}`);
      }
      const part = parts.get(table)?.get(asked.value as Value);
      return part === undefined ? [] : found(orderOf(part, orderBy), selection);
    },
    clear() {
      parts = new Map();
    },
  };
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
