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
import type { Lacks } from "./stored-columns.ts";

/** A parameter of a statement. A list is passed as one value, encoded by `Dialect.listOf`. */
type SqlValue = Value | readonly Value[];

/** The differences between the engines' SQL. */
export type Dialect = Readonly<{
  types: Readonly<Record<ColumnType, string>>;
  /** The placeholder of a statement's nth value, from 1. */
  parameter: (nth: number) => string;
  /** A condition that a column has a value of a list; its text is the same for any length. */
  isOneOf: (column: string, type: ColumnType, parameter: string) => string;
  listOf: (type: ColumnType, values: readonly Value[]) => SqlValue;
  /** The number of rows in a LIMIT. */
  limitOf: (parameter: string) => string;
  /** A condition that a text consists of these pieces, separated by any text without `:`. */
  isLike: (column: string, pieces: readonly string[], bind: Bind) => string;
  /** Whether the planner takes an index for as good as the one with the order, see `rangeOf`. */
  mistakesIndexes: boolean;
}>;

/** Quotes an identifier. Names come from table descriptions, never from a request. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quotedList(names: readonly string[]): string {
  return names.map(quoted).join(", ");
}

/** @param name the quoted name of the table */
export function createTableSql(dialect: Dialect, name: string, table: Table): string {
  const columns = Object.entries(table.columns).map(
    ([column, { type }]) =>
      `${quoted(column)} ${dialect.types[type]}${table.key.includes(column) ? " NOT NULL" : ""}`,
  );
  return `CREATE TABLE ${name} (${columns.join(", ")}, PRIMARY KEY (${quotedList(table.key)}))`;
}

/** Queries of the same form have the same text, so that their prepared statement is reused. */
export type Query = Readonly<{ text: string; values: readonly SqlValue[] }>;

/** The SQL to read one table. */
type TableSql = Readonly<{
  /** The quoted name of the table. */
  name: string;
  /** Its parameters are the values of the key. */
  get: string;
  count: (where: readonly Condition[], most?: number) => Query;
  select: (selection: Selection) => Selected;
  rowOf: (cells: Cells) => Row;
}>;

/** A row as the driver returns it, in the order of the described columns; a number may be text. */
export type Cells = readonly unknown[];

/** Returns the SQL of a table, which is cached because every row access needs it. */
export function createTablesSql(
  dialect: Dialect,
  nameOf: (table: Table) => string,
  lacks: Lacks = () => false,
): (table: Table) => TableSql {
  const known = new Map<Table, TableSql>();
  return (table) => {
    const found = known.get(table);
    if (found !== undefined) return found;
    const made = tableSql({ dialect, nameOf, lacks }, table);
    known.set(table, made);
    return made;
  };
}

type Naming = Readonly<{ dialect: Dialect; nameOf: (table: Table) => string; lacks: Lacks }>;

function tableSql(naming: Naming, table: Table): TableSql {
  const { dialect, nameOf, lacks } = naming;
  const name = nameOf(table);
  const columns = Object.keys(table.columns).map((column) =>
    lacks(table, column) ? `NULL AS ${quoted(column)}` : quoted(column),
  );
  const from = `SELECT ${columns.join(", ")} FROM ${name}`;
  return {
    name,
    get: `${from} WHERE ${findKey(dialect, table)}`,
    count: (where, most) => countQuery(dialect, name, table, { where, most }),
    select: (selection) => selectQuery(naming, from, table, selection),
    rowOf: rowReader(table),
  };
}

export function isKey({ parameter }: Pick<Dialect, "parameter">, { key }: Table): string {
  return key.map((name, at) => `${quoted(name)} = ${parameter(at + 1)}`).join(" AND ");
}

/** What finds the row of a key, after WHERE: if an index might be taken for the key, see `rangeOf`. */
export function findKey(dialect: Dialect, table: Table, valueAt = dialect.parameter): string {
  const { key, indexes } = table;
  const isAlone = key.length === 1 || !indexes.some(([first = ""]) => key.includes(first));
  if (isAlone || !dialect.mistakesIndexes) return isKey({ parameter: valueAt }, table);
  const values = key.map((_, at) => valueAt(at + 1)).join(", ");
  const columns = quotedList(key);
  return `(${columns}) >= (${values}) AND (${columns}) <= (${values}) ORDER BY ${columns} LIMIT 1`;
}

/**
 * The conflict clause of an upsert. It updates the row in place; a REPLACE would delete the row and
 * its index entries and write all of them again.
 */
export function putClause(table: Table): string {
  const updated = Object.keys(table.columns).filter((column) => !table.key.includes(column));
  const update = updated.map((column) => `${quoted(column)} = excluded.${quoted(column)}`);
  const action = update.length === 0 ? "NOTHING" : `UPDATE SET ${update.join(", ")}`;
  return `ON CONFLICT (${quotedList(table.key)}) DO ${action}`;
}

/** @throws if the row lacks the column: an absent value must be null */
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
  const bind = (value: SqlValue) => dialect.parameter(values.push(value));
  const conditions = where.map((condition) => conditionSql(dialect, table, condition, bind));
  const filter = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const text =
    most === undefined
      ? `SELECT count(*) FROM ${name}${filter}`
      : `SELECT count(*) FROM (SELECT 1 FROM ${name}${filter} LIMIT ${dialect.limitOf(bind(most))}) AS counted`;
  return { text, values };
}

function selectQuery(naming: Naming, from: string, table: Table, asked: Selection): Selected {
  const { dialect } = naming;
  const { among, descending = false, limit } = asked;
  const selection = { ...asked, where: (asked.where ?? []).map(withoutList) };
  const values: SqlValue[] = [];
  const bind = (value: SqlValue) => dialect.parameter(values.push(value));
  const index = indexInOrder(table, selection);
  const range = dialect.mistakesIndexes && index ? rangeOf(table, selection, index) : null;
  const { where, bounds, orderBy } = range ?? pageOf(selection);
  const conditions = where.map((condition) => conditionSql(dialect, table, condition, bind));
  if (among !== undefined) conditions.push(amongSql(naming, table, among, bind));
  for (const { is, place } of bounds) {
    // A row value is compared in the order of its columns, so an index of that order serves it.
    const columns = place.map(([name]) => columnOf(table, name));
    const ends = place.map(([, value]) => bind(value));
    conditions.push(`(${columns.join(", ")}) ${is} (${ends.join(", ")})`);
  }
  const filter = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const direction = descending ? " DESC" : "";
  const order = orderBy.map((name) => columnOf(table, name) + direction).join(", ");
  const page = `ORDER BY ${order} LIMIT ${dialect.limitOf(bind(limit))}`;
  return { text: `${from}${filter} ${page}`, values, isInOrder: index !== null };
}

/** A list of one value is that value, so that an index has the order. */
function withoutList(condition: Condition): Condition {
  const { is, value } = condition;
  if (is !== "in" || !isList(value) || value.length !== 1) return condition;
  return { ...condition, is: "=", value: value[0] ?? null };
}

/** A query whose rows an index has in their order, or else may have to be sorted. */
type Selected = Query & Readonly<{ isInOrder: boolean }>;

type Place = readonly (readonly [column: string, value: Value])[];

/** What the places of rows are compared with. */
type Bounds = { is: Operator; place: Place }[];

function pageOf(selection: Selection) {
  const { where = [], orderBy, beyond } = selection;
  const bounds: Bounds = [];
  if (beyond !== undefined) {
    const place = placeOf(orderBy, beyond).slice(firstUnfixed(where, orderBy, beyond));
    bounds.push({ is: beyondIs(selection), place });
  }
  return { where, bounds, orderBy: [...nullColumns(where), ...orderBy] };
}

const beyondIs = ({ descending = false }: Selection): Operator => (descending ? "<" : ">");

const placeOf = (columns: readonly string[], values: readonly Value[]): Place =>
  columns.map((column, at) => [column, values[at] ?? null]);

/** An index that has the order of a selection: first what that fixes, then the columns of its order. */
type InOrder = Readonly<{ index: readonly string[]; prefix: Place; rest: readonly string[] }>;

const indexesOf = ({ key, indexes }: Table): InOrder["index"][] => [key, ...indexes];

/** Null if there is none, or if other conditions may leave so few rows that they are better sorted. */
function indexInOrder(table: Table, { where = [], among, orderBy }: Selection): InOrder | null {
  const fixed = new Map<string, Value>();
  for (const { column, is, value } of where) {
    if (is === "=" && value !== null && !isList(value)) fixed.set(column, value);
  }
  const rest = orderBy.filter((column) => !fixed.has(column));
  const isServed = ({ column, is, value }: Condition) => {
    if (isList(value)) return is === "in" && fixed.size === 0 && column === rest[0];
    return is === "=" ? fixed.get(column) === value : COMPARISONS.has(is);
  };
  if (among !== undefined || !where.every(isServed)) return null;
  const isInOrder = (index: readonly string[]) =>
    index.length >= fixed.size &&
    index.slice(0, fixed.size).every((column) => fixed.has(column)) &&
    rest.every((column, at) => column === index[fixed.size + at]);
  const index = indexesOf(table).find(isInOrder);
  if (index === undefined) return null;
  const columns = index.slice(0, fixed.size);
  return {
    index,
    prefix: placeOf(
      columns,
      columns.map((name) => fixed.get(name) ?? null),
    ),
    rest,
  };
}

/**
 * A selection as a range of the index in its order, if the planner might take another for as good. By
 * `a = 1 ORDER BY a, b` it knows that `a` is one value, and each index of `a` or of `b` is a candidate,
 * whose rows it would filter. Where it expects one row of a value, all cost the same, and it may read all
 * rows of a hot key: in a table without statistics, or in one where nearly no key is hot. By
 * `a >= 1 AND a <= 1 ORDER BY a, b` no other index has the order.
 */
function rangeOf(table: Table, selection: Selection, { index, prefix, rest }: InOrder) {
  const { where = [], orderBy, beyond } = selection;
  const columns = new Set([...where.map(({ column }) => column), ...orderBy]);
  const isRival = (other: InOrder["index"]) => other !== index && columns.has(other[0] ?? "");
  if (prefix.length === 0 || columns.size === 1 || !indexesOf(table).some(isRival)) return null;
  const places = beyond === undefined ? [] : placeOf(orderBy, beyond);
  const fixed = new Map(prefix);
  if (places.some(([name, value]) => fixed.has(name) && fixed.get(name) !== value)) return null;

  const isOfNext = ({ column }: Condition) => column === rest[0];
  const bounds: Bounds = where.filter(isOfNext).map(({ column, is, value }) => ({
    ...{ is, place: [...prefix, ...placeOf([column], [value as Value])] },
  }));
  // Of two bounds on one side the server begins at the first; a page within a range is beyond its start.
  if (beyond !== undefined) {
    const place = [...prefix, ...places.filter(([name]) => !fixed.has(name))];
    bounds.unshift({ is: beyondIs(selection), place });
  }
  const hasBound = (side: "<" | ">") => bounds.some(({ is }) => is.startsWith(side));
  if (!hasBound(">")) bounds.push({ is: ">=", place: prefix });
  if (!hasBound("<")) bounds.push({ is: "<=", place: prefix });
  const others = where.filter((one) => one.is !== "=" && !isOfNext(one));
  return { where: others, bounds, orderBy: [...fixed.keys(), ...rest] };
}

/**
 * The first column of the order that a page's start must be compared with. The columns before it
 * already equal their value by a condition. If the comparison included them, both engines would seek
 * only by the conditions and scan all matching rows up to the start of the page.
 */
function firstUnfixed(
  where: readonly Condition[],
  orderBy: readonly string[],
  beyond: readonly Value[],
): number {
  const isFixed = (column: string, value: Value | undefined) =>
    value !== null &&
    where.some((one) => one.column === column && one.is === "=" && one.value === value);
  const last = orderBy.length - 1;
  return orderBy.findIndex((column, at) => at === last || !isFixed(column, beyond[at]));
}

/**
 * Columns that a condition requires to be null. They do not change the order, but ORDER BY must name
 * them to use an index that begins with them: PostgreSQL's planner infers a constant column from
 * `column = value`, but not from `column IS NULL`.
 */
const nullColumns = (where: readonly Condition[]): readonly string[] =>
  where.filter(({ is, value }) => is === "=" && value === null).map(({ column }) => column);

/** Adds a value to the statement. @returns its placeholder */
type Bind = (value: SqlValue) => string;

const COMPARISONS: ReadonlySet<Operator> = new Set(["=", "<", "<=", ">", ">="]);

function amongSql(naming: Naming, table: Table, among: Among, bind: Bind): string {
  const { dialect, nameOf } = naming;
  if ("anyOf" in among) {
    const alternatives = among.anyOf.map((one) => amongSql(naming, table, one, bind));
    return alternatives.length === 0 ? "1 = 0" : `(${alternatives.join(" OR ")})`;
  }
  const name = columnOf(table, among.column);
  switch (among.is) {
    case "like":
      return dialect.isLike(name, among.value, bind);
    case "of": {
      // A subquery for each row of the list: it stops with the page, and the other table may have
      // millions of matching rows.
      const { table: other } = among;
      const key = `${quoted(other.key[0] ?? "")} = ${nameOf(table)}.${name}`;
      const condition = amongSql(naming, other, among.among, bind);
      return `EXISTS (SELECT 1 FROM ${nameOf(other)} WHERE ${key} AND ${condition})`;
    }
    default:
      return conditionSql(dialect, table, among, bind);
  }
}

function conditionSql(
  dialect: Dialect,
  table: Table,
  { column, is, value }: Condition,
  bind: Bind,
): string {
  const name = columnOf(table, column);
  if (is === "in") {
    const type = table.columns[column]?.type ?? "text";
    return isOneOf(dialect, { name, type }, isList(value) ? value : [value], bind);
  }
  if (isList(value)) throw new Error(`condition ${column} ${is}: expected one value, found a list`);
  if (!COMPARISONS.has(is)) throw new Error(`condition ${column}: ${is} is no operator`);
  return is === "=" && value === null ? `${name} IS NULL` : `${name} ${is} ${bind(value)}`;
}

/** A null in a list matches null, as in `=`. */
function isOneOf(
  { isOneOf, listOf }: Dialect,
  { name, type }: Readonly<{ name: string; type: ColumnType }>,
  list: readonly Value[],
  bind: Bind,
): string {
  const values = list.filter((value) => value !== null);
  const isListed = isOneOf(name, type, bind(listOf(type, values)));
  return list.includes(null) ? `(${isListed} OR ${name} IS NULL)` : isListed;
}

function isList(value: Condition["value"]): value is readonly Value[] {
  return Array.isArray(value);
}

/** Quotes a column. @throws for a name that the table's description does not have */
function columnOf(table: Table, name: string): string {
  if (Object.hasOwn(table.columns, name)) return quoted(name);
  throw new Error(
    `table ${table.name} has no column ${name}; it has ${Object.keys(table.columns)}`,
  );
}

/** The format of a generation's tables; the model version covers the content of their rows. */
export const GENERATION_FORMAT = 1;

/** The digest of no rows. */
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
