import type {
  Condition,
  Operator,
  Selection,
  Table,
  Value,
} from "@counterfoil/processing/ports/table";
import { quoted, quotedList } from "./model-layout.ts";

/** One shape of query is one text, so that its prepared statement is found again. */
export type Query = Readonly<{ sql: string; values: readonly Value[] }>;

export function selectQuery(table: Table, selection: Selection): Query {
  const { where = [], orderBy, descending = false, beyond, limit } = selection;
  const conditions = where.map((condition) => conditionQuery(table, condition));
  if (beyond !== undefined) {
    // A row value compares as the order does, and SQLite seeks to it in an index of that order.
    const places = beyond.map(() => "?").join(", ");
    const columns = columnList(table, orderBy);
    const sql = `(${columns}) ${descending ? "<" : ">"} (${places})`;
    conditions.push({ sql, values: beyond });
  }
  const filter = conditions.map(({ sql }) => sql).join(" AND ");
  const direction = descending ? " DESC" : "";
  const order = orderBy.map((name) => column(table, name) + direction).join(", ");
  return {
    sql: `${selectFrom(table)}${filter && ` WHERE ${filter}`} ORDER BY ${order} LIMIT ?`,
    values: [...conditions.flatMap(({ values }) => values), limit],
  };
}

export function getSql(table: Table): string {
  return `${selectFrom(table)} WHERE ${isKey(table)}`;
}

export function isKey(table: Table): string {
  return table.key.map((name) => `${quoted(name)} = ?`).join(" AND ");
}

function selectFrom(table: Table): string {
  return `SELECT ${quotedList(Object.keys(table.columns))} FROM ${quoted(table.name)}`;
}

const compare = (operator: string) => (name: string, value: Value) => ({
  sql: `${name} ${operator} ?`,
  values: [value],
});

const equals = (name: string, value: Value) =>
  value === null ? { sql: `${name} IS NULL`, values: [] } : compare("=")(name, value);

const COMPARISONS: Readonly<
  Record<Exclude<Operator, "in">, (name: string, value: Value) => Query>
> = {
  "=": equals,
  "<": compare("<"),
  "<=": compare("<="),
  ">": compare(">"),
  ">=": compare(">="),
};

function conditionQuery(table: Table, { column: name, is, value }: Condition): Query {
  if (is === "in") return isOneOf(column(table, name), listOf(value));
  if (isList(value)) throw new Error(`condition ${name} ${is}: expected one value, found a list`);
  return COMPARISONS[is](column(table, name), value);
}

/** As a JSON array, a list of any length is one shape. A null in it finds null, as `=` does. */
function isOneOf(name: string, list: readonly Value[]): Query {
  const isListed = `${name} IN (SELECT value FROM json_each(?))`;
  return {
    sql: list.includes(null) ? `(${isListed} OR ${name} IS NULL)` : isListed,
    values: [`[${list.filter((value) => value !== null).map(jsonOf)}]`],
  };
}

/** SQLite reads an integer of JSON to its 64 bits. */
function jsonOf(value: Value): string {
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

function listOf(value: Condition["value"]): readonly Value[] {
  return isList(value) ? value : [value];
}

function isList(value: Condition["value"]): value is readonly Value[] {
  return Array.isArray(value);
}

function columnList(table: Table, names: readonly string[]): string {
  return names.map((name) => column(table, name)).join(", ");
}

/** Only a described column ever becomes part of a statement. */
function column(table: Table, name: string): string {
  if (Object.hasOwn(table.columns, name)) return quoted(name);
  throw new Error(
    `table ${table.name} has no column ${name}; it has ${Object.keys(table.columns)}`,
  );
}
