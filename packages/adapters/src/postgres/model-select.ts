import type {
  Condition,
  Operator,
  Selection,
  Table,
  Value,
} from "@counterfoil/processing/ports/table";
import { bigintArray, textArray } from "./array-parameter.ts";
import { quoted, quotedList } from "./sql-name.ts";

/** One shape of query is one text, so that its prepared statement is found again. */
export type Query = Readonly<{ text: string; values: readonly Parameter[] }>;

type Parameter = Value | Buffer;

/** @param from the table's name in SQL */
export function selectQuery(from: string, table: Table, selection: Selection): Query {
  const { where = [], orderBy, descending = false, beyond, limit } = selection;
  const values: Parameter[] = [];
  const place = (value: Parameter) => `$${values.push(value)}`;
  const conditions = where.map((condition) => conditionSql(table, condition, place));
  if (beyond !== undefined) {
    // A row value compares as the order does, and is sought in an index of that order.
    const columns = orderBy.map((name) => column(table, name)).join(", ");
    const places = beyond.map(place).join(", ");
    conditions.push(`(${columns}) ${descending ? "<" : ">"} (${places})`);
  }
  const filter = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const direction = descending ? " DESC" : "";
  const order = [...nullColumns(where), ...orderBy]
    .map((name) => column(table, name) + direction)
    .join(", ");
  const text = `${selectFrom(from, table)}${filter} ORDER BY ${order} LIMIT ${place(limit)}`;
  return { text, values };
}

/**
 * They order nothing, but an index that begins with them has the order only with them: that a column
 * equals a value the planner takes into account by itself, that it is null it does not.
 */
const nullColumns = (where: readonly Condition[]): readonly string[] =>
  where.filter(({ is, value }) => is === "=" && value === null).map(({ column: name }) => name);

export function getText(from: string, table: Table): string {
  const isKey = table.key.map((name, at) => `${quoted(name)} = $${at + 1}`).join(" AND ");
  return `${selectFrom(from, table)} WHERE ${isKey}`;
}

function selectFrom(from: string, table: Table): string {
  return `SELECT ${quotedList(Object.keys(table.columns))} FROM ${from}`;
}

type Place = (value: Parameter) => string;

const OPERATORS: ReadonlySet<Operator> = new Set(["=", "<", "<=", ">", ">="]);

function conditionSql(table: Table, { column: name, is, value }: Condition, place: Place): string {
  const sql = column(table, name);
  if (is === "in") return isOneOf(table, name, isList(value) ? value : [value], place);
  if (isList(value)) throw new Error(`condition ${name} ${is}: expected one value, found a list`);
  if (!OPERATORS.has(is)) throw new Error(`condition ${name}: ${is} is no operator`);
  return is === "=" && value === null ? `${sql} IS NULL` : `${sql} ${is} ${place(value)}`;
}

/** As an array, a list of any length is one shape. A null in it finds null, as `=` does. */
function isOneOf(table: Table, name: string, list: readonly Value[], place: Place): string {
  const sql = column(table, name);
  const values = list.filter((value) => value !== null);
  const isText = table.columns[name]?.type === "text";
  const array = isText
    ? textArray(values.map(String))
    : bigintArray(values.map((value) => BigInt(value)));
  const isListed = `${sql} = ANY(${place(array)}::${isText ? "text" : "bigint"}[])`;
  return list.includes(null) ? `(${isListed} OR ${sql} IS NULL)` : isListed;
}

function isList(value: Condition["value"]): value is readonly Value[] {
  return Array.isArray(value);
}

/** Only a described column ever becomes part of a statement. */
function column(table: Table, name: string): string {
  if (Object.hasOwn(table.columns, name)) return quoted(name);
  throw new Error(
    `table ${table.name} has no column ${name}; it has ${Object.keys(table.columns)}`,
  );
}
