import type {
  Among,
  Checkpoint,
  ColumnType,
  Condition,
  Operator,
  Row,
  Selection,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";

/** What a statement is given: a list is one value, as `Dialect.listOf` makes it. */
type SqlValue = Value | readonly Value[];

/** Where the SQL of one engine differs from the other's. */
export type Dialect = Readonly<{
  types: Readonly<Record<ColumnType, string>>;
  /** How the nth value of a statement is written, from 1. */
  parameter: (nth: number) => string;
  /** Whether a column has one of the values of a list; one shape of statement for any length. */
  isOneOf: (column: string, type: ColumnType, parameter: string) => string;
  listOf: (type: ColumnType, values: readonly Value[]) => SqlValue;
  /** Whether text consists of pieces, with no `:` in what stands between them. */
  isLike: (column: string, pieces: readonly string[], place: Place) => string;
}>;

/** A name that SQL takes literally. Names come from table descriptions, never from a request. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(", ");
}

/** @param name the table's name in SQL */
export function createTableSql(dialect: Dialect, name: string, table: Table): string {
  const columns = Object.entries(table.columns).map(
    ([column, { type }]) =>
      `${quoted(column)} ${dialect.types[type]}${table.key.includes(column) ? " NOT NULL" : ""}`,
  );
  return `CREATE TABLE ${name} (${columns.join(", ")}, PRIMARY KEY (${quotedList(table.key)}))`;
}

/** One shape of query is one text, so that its prepared statement is found again. */
export type Query = Readonly<{ text: string; values: readonly SqlValue[] }>;

/** Reading one table. */
type TableSql = Readonly<{
  /** The table's name in SQL. */
  name: string;
  /** Takes the key's values. */
  get: string;
  count: (where: readonly Condition[], most?: number) => Query;
  select: (selection: Selection) => Query;
  rowOf: (cells: Cells) => Row;
}>;

/** A row as the engine returns it, in the order of the described columns: numbers, or their text. */
export type Cells = readonly unknown[];

/** Made once for each table, since it is asked for with every row. */
export function createTablesSql(
  dialect: Dialect,
  nameOf: (table: Table) => string,
): (table: Table) => TableSql {
  const known = new Map<Table, TableSql>();
  return (table) => {
    const found = known.get(table);
    if (found !== undefined) return found;
    const made = tableSql({ dialect, nameOf }, table);
    known.set(table, made);
    return made;
  };
}

type Naming = Readonly<{ dialect: Dialect; nameOf: (table: Table) => string }>;

function tableSql(naming: Naming, table: Table): TableSql {
  const { dialect, nameOf } = naming;
  const name = nameOf(table);
  const from = `SELECT ${quotedList(Object.keys(table.columns))} FROM ${name}`;
  return {
    name,
    get: `${from} WHERE ${isKey(dialect, table)}`,
    count: (where, most) => countQuery(dialect, name, table, { where, most }),
    select: (selection) => selectQuery(naming, from, table, selection),
    rowOf: rowReader(table),
  };
}

export function isKey({ parameter }: Dialect, { key }: Table): string {
  return key.map((name, at) => `${quoted(name)} = ${parameter(at + 1)}`).join(" AND ");
}

/**
 * What an insert does where the key is there: an update in place, since a REPLACE would delete the
 * row and its index entries and write all of them anew.
 */
export function putClause(table: Table): string {
  const updated = Object.keys(table.columns).filter((column) => !table.key.includes(column));
  const update = updated.map((column) => `${quoted(column)} = excluded.${quoted(column)}`);
  const action = update.length === 0 ? "NOTHING" : `UPDATE SET ${update.join(", ")}`;
  return `ON CONFLICT (${quotedList(table.key)}) DO ${action}`;
}

/** @throws where the row lacks the column: what is absent must be null */
export function valueIn(table: Table, row: Row, column: string): Value {
  const value = row[column];
  if (value !== undefined) return value;
  throw new Error(
    `a row for table ${table.name} lacks column ${column}; it has ${Object.keys(row)}`,
  );
}

const FROM_CELL = {
  text: (cell) => cell as string,
  integer: Number,
  nanos: (cell) => BigInt(cell as string | bigint),
} as const satisfies Readonly<Record<ColumnType, (cell: unknown) => Value>>;

function rowReader(table: Table): TableSql["rowOf"] {
  const columns = Object.entries(table.columns).map(([name, { type }]) => ({
    name,
    read: FROM_CELL[type],
  }));
  return (cells) => {
    const row: Record<string, Value> = {};
    let at = 0;
    for (const { name, read } of columns) {
      const cell = cells[at] ?? null;
      row[name] = cell === null ? null : read(cell);
      at += 1;
    }
    return row;
  };
}

function countQuery(
  dialect: Dialect,
  name: string,
  table: Table,
  { where, most }: Readonly<{ where: readonly Condition[]; most: number | undefined }>,
): Query {
  const values: SqlValue[] = [];
  const place = (value: SqlValue) => dialect.parameter(values.push(value));
  const conditions = where.map((condition) => conditionSql(dialect, table, condition, place));
  const filter = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const text =
    most === undefined
      ? `SELECT count(*) FROM ${name}${filter}`
      : `SELECT count(*) FROM (SELECT 1 FROM ${name}${filter} LIMIT ${place(most)}) AS counted`;
  return { text, values };
}

function selectQuery(naming: Naming, from: string, table: Table, selection: Selection): Query {
  const { dialect } = naming;
  const { where = [], among, orderBy, descending = false, beyond, limit } = selection;
  const values: SqlValue[] = [];
  const place = (value: SqlValue) => dialect.parameter(values.push(value));
  const conditions = where.map((condition) => conditionSql(dialect, table, condition, place));
  if (among !== undefined) conditions.push(amongSql(naming, table, among, place));
  if (beyond !== undefined) {
    // A row value compares as the order does, and is sought in an index of that order.
    const from = firstFree(where, orderBy, beyond);
    const columns = orderBy.slice(from).map((name) => columnOf(table, name));
    const places = beyond.slice(from).map(place);
    conditions.push(`(${columns.join(", ")}) ${descending ? "<" : ">"} (${places.join(", ")})`);
  }
  const filter = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const direction = descending ? " DESC" : "";
  const order = [...nullColumns(where), ...orderBy]
    .map((name) => columnOf(table, name) + direction)
    .join(", ");
  return { text: `${from}${filter} ORDER BY ${order} LIMIT ${place(limit)}`, values };
}

/**
 * From which column of the order on a place is told: the first ones may be held to their very value
 * by conditions. With these in the comparison both engines seek the rows that meet the conditions,
 * and walk through all of them to the place.
 */
function firstFree(
  where: readonly Condition[],
  orderBy: readonly string[],
  beyond: readonly Value[],
): number {
  const isHeld = (column: string, value: Value | undefined) =>
    value !== null &&
    where.some((one) => one.column === column && one.is === "=" && one.value === value);
  const last = orderBy.length - 1;
  return orderBy.findIndex((column, at) => at === last || !isHeld(column, beyond[at]));
}

/**
 * They order nothing, but an index that begins with them has the order only with them: that a column
 * equals a value PostgreSQL's planner takes into account by itself, that it is null it does not.
 */
const nullColumns = (where: readonly Condition[]): readonly string[] =>
  where.filter(({ is, value }) => is === "=" && value === null).map(({ column }) => column);

/** Gives a value to the statement, and answers how it is written there. */
type Place = (value: SqlValue) => string;

const COMPARISONS: ReadonlySet<Operator> = new Set(["=", "<", "<=", ">", ">="]);

function amongSql(naming: Naming, table: Table, among: Among, place: Place): string {
  const { dialect, nameOf } = naming;
  if ("anyOf" in among) {
    const either = among.anyOf.map((one) => amongSql(naming, table, one, place));
    return either.length === 0 ? "1 = 0" : `(${either.join(" OR ")})`;
  }
  const name = columnOf(table, among.column);
  switch (among.is) {
    case "like":
      return dialect.isLike(name, among.value, place);
    case "of": {
      // Looked up for each row: a list is read only as far as its page goes, those may be millions.
      const { table: other } = among;
      const key = `${quoted(other.key[0] ?? "")} = ${nameOf(table)}.${name}`;
      const met = amongSql(naming, other, among.among, place);
      return `EXISTS (SELECT 1 FROM ${nameOf(other)} WHERE ${key} AND ${met})`;
    }
    default:
      return conditionSql(dialect, table, among, place);
  }
}

function conditionSql(
  dialect: Dialect,
  table: Table,
  { column, is, value }: Condition,
  place: Place,
): string {
  const name = columnOf(table, column);
  if (is === "in") {
    const type = table.columns[column]?.type ?? "text";
    return isOneOf(dialect, { name, type }, isList(value) ? value : [value], place);
  }
  if (isList(value)) throw new Error(`condition ${column} ${is}: expected one value, found a list`);
  if (!COMPARISONS.has(is)) throw new Error(`condition ${column}: ${is} is no operator`);
  return is === "=" && value === null ? `${name} IS NULL` : `${name} ${is} ${place(value)}`;
}

/** A null in a list finds null, as `=` does. */
function isOneOf(
  { isOneOf, listOf }: Dialect,
  { name, type }: Readonly<{ name: string; type: ColumnType }>,
  list: readonly Value[],
  place: Place,
): string {
  const values = list.filter((value) => value !== null);
  const isListed = isOneOf(name, type, place(listOf(type, values)));
  return list.includes(null) ? `(${isListed} OR ${name} IS NULL)` : isListed;
}

function isList(value: Condition["value"]): value is readonly Value[] {
  return Array.isArray(value);
}

/** Only a described column ever becomes part of a statement. */
function columnOf(table: Table, name: string): string {
  if (Object.hasOwn(table.columns, name)) return quoted(name);
  throw new Error(
    `table ${table.name} has no column ${name}; it has ${Object.keys(table.columns)}`,
  );
}

/** Of one generation's tables; the meaning of their rows has the model's version. */
export const GENERATION_FORMAT = 1;

/** What the digests of no rows are. */
export const NO_ROWS = "0".repeat(64);

export const CHECKPOINT_COLUMNS = "position, hash, digest, state_digest";

/** A row of these columns. */
export function checkpointOf(cells: readonly unknown[]): Checkpoint {
  const [position, hash, digest, stateDigest] = cells;
  return {
    position: Number(position),
    hash: String(hash),
    digest: String(digest),
    state_digest: String(stateDigest),
  };
}
