import { canonicalJson } from "@counterfoil/core/exact/json";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "../ports/clock.ts";
import {
  type ColumnType,
  type Condition,
  isLastRows,
  type Row,
  type Rows,
  type Selection,
  type Table,
  textLength,
  type Value,
} from "../ports/model-store.ts";
import { inOrderOf } from "../projection/selection.ts";

/** Shared by all queries: results of lookups, pages of lists, cursors, and cells as text. */

/**
 * The result of a lookup: one record, none, or several candidates for the caller to choose from.
 */
export type Found<Record> =
  | Readonly<{ outcome: "found"; record: Record }>
  | Readonly<{ outcome: "missing" }>
  | Readonly<{ outcome: "ambiguous"; candidates: readonly string[] }>;

export const MISSING = { outcome: "missing" } as const;

export const found = <Record>(record: Record): Found<Record> => ({ outcome: "found", record });

/** The result for the ids that an alias matches; duplicates count once. */
export function foundAmong(ids: readonly string[]): Found<string> {
  const candidates = [...new Set(ids)].sort();
  const [first] = candidates;
  if (first === undefined) return MISSING;
  return candidates.length === 1 ? found(first) : { outcome: "ambiguous", candidates };
}

/** A request for at most `limit` records of a list, after the key of the previous page's end. */
export type PageRequest = Readonly<{ limit: number; beyond: readonly Value[] | null }>;

/**
 * A page of records. `next` is the key to continue from, null at the end of the list. With a filter
 * that no index serves, a page may be short of its limit, even empty, although more pages follow.
 */
export type Page<Record> = Readonly<{ data: readonly Record[]; next: readonly Value[] | null }>;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The source of a list: its rows in order, the key of a row, and its record, null if filtered out.
 */
export type PageSource<Record, Item extends Fields = Row> = Readonly<{
  read: (beyond: readonly Value[] | null, limit: number) => Promise<readonly Item[]>;
  keyOf: (row: Item) => readonly Value[];
  recordOf: (row: Item) => Promise<Record | null> | Record | null;
  /** Yields to other tasks: reads of an embedded engine never yield the thread themselves. */
  nextTurn: Clock["nextTurn"];
}>;

/** Maximum number of rows read before yielding; each may cost a few lookups. */
const BATCH_MAX = 100;
/**
 * Limit of the text of one page's rows: many readers may hold a page at once, in several copies.
 */
export const LIST_BYTES_MAX = 1024 * 1024;
/** Number of rows that one page may scan before it ends short of its limit. */
const SCANNED_MAX = 2000;

/**
 * Reads rows until the page is full or the scan limits of one request are reached. A source may
 * return fewer rows than requested, ending with the row that reaches `LIST_BYTES_MAX`.
 */
export async function readPage<Record, Item extends Fields = Row>(
  { limit, beyond }: PageRequest,
  { read, keyOf, recordOf, nextTurn }: PageSource<Record, Item>,
): Promise<Page<Record>> {
  const data: Record[] = [];
  let batch = Math.min(limit + 1, BATCH_MAX);
  let last = beyond;
  let length = 0;
  for (let scanned = 0; scanned < SCANNED_MAX && length < LIST_BYTES_MAX; ) {
    const rows = await read(last, batch);
    scanned += batch;
    for (const row of rows) {
      const record = await recordOf(row);
      // One record over the limit shows that another page follows.
      if (record !== null && data.length === limit) return { data, next: last };
      if (record !== null) data.push(record);
      last = keyOf(row);
      length += textLength(row);
    }
    if (isLastRows(rows, { limit: batch, bytesMax: LIST_BYTES_MAX })) return { data, next: null };
    // While nothing is filtered out, no more rows are read than records are missing: after a page
    // of 100, the one that shows that another follows.
    const missing = data.length === scanned ? limit + 1 - data.length : limit + 1;
    batch = Math.min(missing, BATCH_MAX);
    await nextTurn();
  }
  return { data, next: last };
}

/** The `beyond` property of a selection, which must be omitted at the beginning of a list. */
export const beyondPart = (
  beyond: readonly Value[] | null,
): Readonly<{ beyond?: readonly Value[] }> => (beyond === null ? {} : { beyond });

/** The condition that a column has one of these values. */
export const isOneOf = (column: string, values: readonly Value[]): Condition =>
  values.length === 1
    ? { column, is: "=", value: values[0] as Value }
    : { column, is: "in", value: values };

/** The same as one alternative per value, which an index serves in the order of a list. */
export const eachOf = (column: string, values: readonly Value[]): Condition[][] =>
  values.map((value) => [{ column, is: "=", value }]);

/** The range of texts with a prefix; it ends at the prefix with its last character incremented. */
export function beginsWith(column: string, prefix: string): readonly Condition[] {
  const last = prefix.charCodeAt(prefix.length - 1);
  const end = prefix.slice(0, -1) + String.fromCharCode(last + 1);
  return [
    { column, is: ">=", value: prefix },
    { column, is: "<", value: end },
  ];
}

/**
 * Rows that meet any of several conditions, in order and without duplicates; the order must be
 * unique.
 */
export async function selectEither(
  rows: Rows,
  table: Table,
  either: readonly (readonly Condition[])[],
  selection: Selection,
): Promise<readonly Row[]> {
  const pages: (readonly Row[])[] = [];
  for (const one of either) {
    const where = [...(selection.where ?? []), ...one];
    pages.push(await rows.select(table, { ...selection, where }));
  }
  const [first] = pages;
  if (pages.length === 1 && first !== undefined) return first;
  const keyOf = (row: Row) => selection.orderBy.map((column) => String(row[column])).join("\n");
  const found = new Set<string>();
  const isFirst = (row: Row) => found.size < found.add(keyOf(row)).size;
  return mergeSelected(selection, pages, isFirst);
}

/** Merges the pages that several sources return for the same selection into one page. */
export function mergeSelected(
  selection: Selection,
  pages: readonly (readonly Row[])[],
  isWanted: (row: Row) => boolean = () => true,
): readonly Row[] {
  const compare = inOrderOf(selection);
  /** The earliest last row of a cut page: beyond it, rows of that page may be missing. */
  let end: Row | null = null;
  for (const page of pages) {
    const last = isLastRows(page, selection) ? undefined : page.at(-1);
    if (last !== undefined && (end === null || compare(last, end) < 0)) end = last;
  }
  const whole = pages.flatMap((page) =>
    page.filter((row) => (end === null || compare(row, end) <= 0) && isWanted(row)),
  );
  return whole.sort(compare).slice(0, selection.limit);
}

/**
 * Cursors are opaque text: base64url of JSON with a version, a digest of the list and its filters,
 * and the key that the page ended with. A cursor of another list, other filters or another version
 * is thereby detected. Cursors hold no secrets and grant no access.
 */
const VERSION = 1;

/** The scope of a cursor: a list, its filters, and the types of its key columns. */
export type CursorScope = Readonly<{
  list: string;
  filters: Readonly<Record<string, unknown>>;
  key: readonly ColumnType[];
}>;

type Content = Readonly<{ v: number; of: string; key: readonly (string | number)[] }>;

/** The cursor of a page that continues after a key, in base64url. It is valid for its scope alone. */
export function encodeCursor(key: readonly Value[], scope: CursorScope, hashing: Hashing): string {
  const printed = key.map((value) => (typeof value === "bigint" ? String(value) : value));
  const json = JSON.stringify({ v: VERSION, of: digestOf(scope, hashing), key: printed });
  const ascii = json.replace(/[\u0080-\uffff]/g, escapeUnit);
  return btoa(ascii).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @returns the key; null if the cursor is malformed or of another scope */
export function decodeCursor(
  cursor: string,
  scope: CursorScope,
  hashing: Hashing,
): readonly Value[] | null {
  const content = contentOf(cursor);
  if (content?.v !== VERSION || content.of !== digestOf(scope, hashing)) return null;
  const { key: printed } = content;
  if (!Array.isArray(printed) || printed.length !== scope.key.length) return null;
  const key = scope.key.map((type, at) => VALUES[type](printed[at]));
  return key.includes(undefined) ? null : (key as readonly Value[]);
}

const VALUES: Readonly<Record<ColumnType, (value: unknown) => Value | undefined>> = {
  text: (value) => (typeof value === "string" && isStorable(value) ? value : undefined),
  integer: (value) => (Number.isSafeInteger(value) ? Number(value) : undefined),
  nanos: (value) => {
    if (!/^-?\d{1,19}$/.test(String(value))) return undefined;
    const nanos = BigInt(String(value));
    return nanos === BigInt.asIntN(64, nanos) ? nanos : undefined;
  },
};

/** Whether a text can be stored in a row: no engine stores others, and PostgreSQL fails on them. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function contentOf(cursor: string): Partial<Content> | null {
  if (!/^[\w-]+$/.test(cursor)) return null;
  try {
    const content = JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof content === "object" ? content : null;
  } catch {
    return null;
  }
}

function digestOf({ list, filters }: CursorScope, hashing: Hashing): string {
  return hashing.sha256(canonicalJson([list, filters])).slice(0, 16);
}

/** Escapes a character of JSON, because `btoa` accepts ASCII only. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The cells of a row as shown in records; an absent cell is null. */
export const textIn = (value: Value | undefined): string | null =>
  typeof value === "string" ? value : null;

export const timeIn = (value: Value | undefined): string | null =>
  typeof value === "bigint" ? formatTime(value) : null;

export const positionIn = (value: Value | undefined): string => String(value ?? 0);

export const positionOrNull = (value: Value | undefined): string | null =>
  value === null || value === undefined ? null : String(value);
