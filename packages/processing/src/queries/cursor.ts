import { canonicalJson } from "@counterfoil/core/exact/json";
import type { Hashing } from "@counterfoil/core/hashing";
import type { ColumnType, Value } from "../ports/table.ts";

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
  text: (value) => (typeof value === "string" ? value : undefined),
  integer: (value) => (Number.isSafeInteger(value) ? Number(value) : undefined),
  nanos: (value) => (/^-?\d{1,19}$/.test(String(value)) ? BigInt(String(value)) : undefined),
};

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
