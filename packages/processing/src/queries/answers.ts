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

/** How every list and every look-up is answered: one record or a page of them, and cells as text. */

/** What an id stands for: one record, none, or several of which the asker has to choose. */
export type Found<Record> =
  | Readonly<{ outcome: "found"; record: Record }>
  | Readonly<{ outcome: "missing" }>
  | Readonly<{ outcome: "ambiguous"; candidates: readonly string[] }>;

export const MISSING = { outcome: "missing" } as const;

export const found = <Record>(record: Record): Found<Record> => ({ outcome: "found", record });

/** One id that an alias stands for, none or several. */
export function foundAmong(ids: readonly string[]): Found<string> {
  const candidates = [...new Set(ids)].sort();
  const [first] = candidates;
  if (first === undefined) return MISSING;
  return candidates.length === 1 ? found(first) : { outcome: "ambiguous", candidates };
}

/** Which records of a list: at most `limit`, after the key that the page before ended with. */
export type PageRequest = Readonly<{ limit: number; beyond: readonly Value[] | null }>;

/**
 * A page of records. `next`: the key to go on from, null where nothing follows. A filter that no
 * index answers may leave a page short of its limit, even empty, with more to come.
 */
export type Page<Record> = Readonly<{ data: readonly Record[]; next: readonly Value[] | null }>;

type Fields = Readonly<Record<string, unknown>>;

/** How a list is read: its rows in order, each one's key, and the record of a row that belongs in it. */
export type PageSource<Record, Item extends Fields = Row> = Readonly<{
  read: (beyond: readonly Value[] | null, limit: number) => Promise<readonly Item[]>;
  keyOf: (row: Item) => readonly Value[];
  recordOf: (row: Item) => Promise<Record | null> | Record | null;
  /** Lets others have their turn: an embedded engine answers without ever giving up its thread. */
  nextTurn: Clock["nextTurn"];
}>;

/** Rows between two turns of others, of which each may cost a few look-ups. */
const BATCH_MAX = 100;
/** Text of the rows that one page shows: many readers may hold one at once, several times over. */
export const LIST_BYTES_MAX = 1024 * 1024;
/** Rows that one page may look at, before it ends short of its limit. */
const SCANNED_MAX = 2000;

/**
 * Reads rows until the page is full, or until it has looked at as many as one request may cost. A
 * source may end short of what it is asked for with the row that brings it to `LIST_BYTES_MAX`.
 */
export async function readPage<Record, Item extends Fields = Row>(
  { limit, beyond }: PageRequest,
  { read, keyOf, recordOf, nextTurn }: PageSource<Record, Item>,
): Promise<Page<Record>> {
  const data: Record[] = [];
  const batch = Math.min(limit + 1, BATCH_MAX);
  let last = beyond;
  let length = 0;
  for (let scanned = 0; scanned < SCANNED_MAX && length < LIST_BYTES_MAX; scanned += batch) {
    const rows = await read(last, batch);
    for (const row of rows) {
      const record = await recordOf(row);
      // One more than was asked for tells that something follows.
      if (record !== null && data.length === limit) return { data, next: last };
      if (record !== null) data.push(record);
      last = keyOf(row);
      length += textLength(row);
    }
    if (isLastRows(rows, { limit: batch, bytesMax: LIST_BYTES_MAX })) return { data, next: null };
    await nextTurn();
  }
  return { data, next: last };
}

/** A selection's part for `beyond`, which must be left out where a list begins. */
export const beyondPart = (
  beyond: readonly Value[] | null,
): Readonly<{ beyond?: readonly Value[] }> => (beyond === null ? {} : { beyond });

/** A column has one of some values. */
export const isOneOf = (column: string, values: readonly Value[]): Condition =>
  values.length === 1
    ? { column, is: "=", value: values[0] as Value }
    : { column, is: "in", value: values };

/** The same, each value by itself, as an index answers it in the order of a list. */
export const eachOf = (column: string, values: readonly Value[]): Condition[][] =>
  values.map((value) => [{ column, is: "=", value }]);

/** All text that begins with the prefix lies before the prefix with its last character raised. */
export function beginsWith(column: string, prefix: string): readonly Condition[] {
  const last = prefix.charCodeAt(prefix.length - 1);
  const end = prefix.slice(0, -1) + String.fromCharCode(last + 1);
  return [
    { column, is: ">=", value: prefix },
    { column, is: "<", value: end },
  ];
}

/** Rows that meet one of several conditions, in order, each once: no two have the same place in it. */
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

/** The page of a selection that pages of several sources make, each as the selection asks. */
export function mergeSelected(
  selection: Selection,
  pages: readonly (readonly Row[])[],
  isWanted: (row: Row) => boolean = () => true,
): readonly Row[] {
  const compare = inOrderOf(selection);
  /** Beyond the last row of one that bytes have ended, rows of it may be missing. */
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
 * and the key that the page ended with. So a cursor of another list, of other filters or of another
 * version is noticed; it holds no secret and grants nothing.
 */
const VERSION = 1;

/** What a cursor belongs to: a list, its filters, and the types of its key's columns. */
export type CursorScope = Readonly<{
  list: string;
  filters: Readonly<Record<string, unknown>>;
  key: readonly ColumnType[];
}>;

type Content = Readonly<{ v: number; of: string; key: readonly (string | number)[] }>;

export function encodeCursor(key: readonly Value[], scope: CursorScope, hashing: Hashing): string {
  const printed = key.map((value) => (typeof value === "bigint" ? String(value) : value));
  const json = JSON.stringify({ v: VERSION, of: digestOf(scope, hashing), key: printed });
  const ascii = json.replace(/[\u0080-\uffff]/g, escapeUnit);
  return btoa(ascii).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @returns the key; null where this scope never gave the cursor out. */
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

/** Whether a text may be somewhere in a row: no engine has others, and PostgreSQL fails on them. */
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

/** The same JSON in ASCII, which is all that `btoa` takes. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A row's cells as records show them; absent is null in both. */
export const textIn = (value: Value | undefined): string | null =>
  typeof value === "string" ? value : null;

export const timeIn = (value: Value | undefined): string | null =>
  typeof value === "bigint" ? formatTime(value) : null;

export const positionIn = (value: Value | undefined): string => String(value ?? 0);

export const positionOrNull = (value: Value | undefined): string | null =>
  value === null || value === undefined ? null : String(value);
