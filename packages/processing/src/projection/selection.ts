import {
  type Among,
  type Condition,
  isLastRows,
  type Operator,
  type Row,
  type Selection,
  type Table,
  type Value,
} from "../ports/model-store.ts";

/** Anything that runs selections: a store, a snapshot of it, or a buffer over it. */
type RowSource = Readonly<{
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
}>;

/**
 * Iterates over all rows of a selection in its order; `limit` is the page size. A row changed
 * meanwhile is returned as it is when its page is read.
 */
export async function* everyRow(
  from: RowSource,
  table: Table,
  selection: Selection,
): AsyncGenerator<Row, undefined> {
  const { orderBy } = selection;
  for (let page = selection; ; ) {
    const rows = await from.select(table, page);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || isLastRows(rows, selection)) return;
    page = { ...selection, beyond: orderBy.map((column) => last[column] ?? null) };
  }
}

/**
 * The first rows of a selection without some that are elsewhere; at least as many as requested, if there
 * are that many.
 *
 * @param isLeftOut of the text of a row's key
 */
export async function rowsWithout(
  from: RowSource,
  table: Table,
  selection: Selection,
  isLeftOut: (key: string) => boolean,
): Promise<readonly Row[]> {
  const { orderBy } = selection;
  const kept: Row[] = [];
  for (let page = selection; kept.length < selection.limit; ) {
    const found = await from.select(table, page);
    for (const row of found) if (!isLeftOut(keyOfRow(table, row))) kept.push(row);
    const last = found.at(-1);
    if (last === undefined || found.length < page.limit) break;
    const beyond = orderBy.map((column) => last[column] ?? null);
    page = { ...selection, beyond, limit: Math.min(PAGE_MAX, 2 * page.limit) };
  }
  return kept;
}

/**
 * Maximum page size: pages grow because a selection of one row may have to skip a thousand that are left
 * out.
 */
const PAGE_MAX = 256;

/** The text of a row's key. */
export function keyOfRow({ key }: Table, row: Row): string {
  let text = String(row[key[0] ?? ""]);
  for (let at = 1; at < key.length; at += 1) text += `\u0001${row[key[at] ?? ""]}`;
  return text;
}

export const keyText = (key: readonly Value[]): string => key.join("\u0001");

/** Whether a row in memory meets the conditions, with the same semantics in every engine. */
export function meets(row: Row, where: readonly Condition[]): boolean {
  return where.every((condition) => isMet(condition, row));
}

/** @param rowsOf the rows of other tables at the same moment */
export function isAmong(
  row: Row,
  among: Among | undefined,
  rowsOf: (table: Table) => Iterable<Row>,
): boolean {
  if (among === undefined) return true;
  if ("anyOf" in among) return among.anyOf.some((one) => isAmong(row, one, rowsOf));
  const found = row[among.column] ?? null;
  switch (among.is) {
    case "like":
      return typeof found === "string" && isLike(found, among.value);
    case "of": {
      const [key = ""] = among.table.key;
      const rows = Iterator.from(rowsOf(among.table));
      return rows.some(
        (one) => isEqual(found, one[key] ?? null) && isAmong(one, among.among, rowsOf),
      );
    }
    default:
      return isMet(among, row);
  }
}

function isLike(text: string, pieces: readonly string[]): boolean {
  const escaped = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${escaped.join("[^:]*")}$`, "s").test(text);
}

/** Whether a row is beyond the cursor at which a selection begins. */
export function isBeyond(row: Row, { orderBy, descending, beyond }: Selection): boolean {
  return !beyond || (descending ? -1 : 1) * comparePlace(row, orderBy, beyond) > 0;
}

/** The order of a selection. */
export function inOrderOf({ orderBy, descending }: Selection): (a: Row, b: Row) => number {
  const compare = compareRows(orderBy);
  return descending ? (a, b) => compare(b, a) : compare;
}

/** Ascending order by these columns. */
export const compareRows =
  (columns: readonly string[]) =>
  (a: Row, b: Row): number => {
    for (const column of columns) {
      const order = compareValues(a[column] ?? null, b[column] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  };

/** Compares a row's first columns of an order with as many values. */
export function comparePlace(
  row: Row,
  columns: readonly string[],
  place: readonly Value[],
): number {
  for (let at = 0; at < place.length; at += 1) {
    const order = compareValues(row[columns[at] ?? ""] ?? null, place[at] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

/** The values that a selection's conditions fix in the first columns of its order. */
export function fixedPrefix({ where = [], orderBy }: Selection): readonly Value[] {
  const prefix: Value[] = [];
  for (const column of orderBy) {
    const fixed = where.find((condition) => condition.column === column && condition.is === "=");
    if (fixed === undefined || fixed.value === null) break;
    prefix.push(fixed.value as Value);
  }
  return prefix;
}

/** As in SQL, null is neither less nor greater than any value; unlike SQL, null equals null. */
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

/** Compares the values of the same columns. */
export function compareTuples(a: readonly Value[], b: readonly Value[]): number {
  for (let at = 0; at < a.length; at += 1) {
    const order = compareValues(a[at] ?? null, b[at] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compareValues(a: Value, b: Value): number {
  // Nearly always the first columns of an order are the same: a row's account, the class of a queue.
  if (a === b && a !== null) return 0;
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b);
  if (a === null || b === null) throw new Error("a column of an order must never be null");
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Compares by code point, as engines that store UTF-8 do; JavaScript itself compares UTF-16 code
 * units.
 */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rankOf(left) - rankOf(right);
  }
  return a.length - b.length;
}

/** Surrogates encode code points above all others. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
