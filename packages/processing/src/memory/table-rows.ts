import type { Condition, Operator, Row, Selection, Table, Value } from "../ports/table.ts";

/** The rows of one table by their key, see `keyOf`. */
export type TableRows = ReadonlyMap<string, Row>;

export function keyOf(key: readonly Value[]): string {
  return JSON.stringify(key.map((value) => (typeof value === "bigint" ? `${value}n` : value)));
}

export function keyOfRow(table: Table, row: Row): string {
  return keyOf(table.key.map((column) => row[column] ?? null));
}

/** A row of exactly the described columns. Engines with a schema refuse others too. */
export function checkedRow(table: Table, row: Row): Row {
  const missing = Object.keys(table.columns).find((column) => row[column] === undefined);
  if (missing === undefined) {
    return Object.fromEntries(Object.keys(table.columns).map((name) => [name, row[name] ?? null]));
  }
  throw new Error(`a row of ${table.name} has no ${missing}; what is absent must be null`);
}

export function selectRows(rows: TableRows, table: Table, selection: Selection): readonly Row[] {
  const { where = [], orderBy, descending = false, beyond, limit } = selection;
  checkColumns(table, [...where.map(({ column }) => column), ...orderBy]);
  const tupleOf = (row: Row) => orderBy.map((column) => row[column] ?? null);
  const direction = descending ? -1 : 1;
  return [...rows.values()]
    .filter((row) => where.every((condition) => isMet(condition, row)))
    .filter((row) => !beyond || direction * compareTuples(tupleOf(row), beyond) > 0)
    .sort((a, b) => direction * compareTuples(tupleOf(a), tupleOf(b)))
    .slice(0, limit);
}

function checkColumns(table: Table, names: readonly string[]): void {
  const unknown = names.find((name) => !Object.hasOwn(table.columns, name));
  if (unknown !== undefined) throw new Error(`table ${table.name} has no column ${unknown}`);
}

/** As in SQL, nothing is less or greater than null; unlike there, null equals null. */
const COMPARISONS: Readonly<Record<Exclude<Operator, "in">, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

function isMet({ column, is, value }: Condition, row: Row): boolean {
  const found = row[column] ?? null;
  const values = isList(value) ? value : [value];
  if (is === "in") return values.some((one) => isEqual(found, one));
  if (isList(value)) throw new Error(`condition ${column} ${is}: expected one value, found a list`);
  if (is === "=") return isEqual(found, value);
  return found !== null && value !== null && COMPARISONS[is](compareValues(found, value));
}

function isList(value: Condition["value"]): value is readonly Value[] {
  return Array.isArray(value);
}

function isEqual(a: Value, b: Value): boolean {
  return a === null || b === null ? a === b : compareValues(a, b) === 0;
}

function compareTuples(a: readonly Value[], b: readonly Value[]): number {
  for (const [at, value] of a.entries()) {
    const order = compareValues(value, b[at] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compareValues(a: Value, b: Value): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (a === null || b === null) throw new Error("a column of an order must never be null");
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By code points, as engines that store UTF-8 do; JavaScript itself compares UTF-16. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rankOf(left) - rankOf(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
