import { isWhole, takeWithin } from "@counterfoil/core/exact/text";

/**
 * Read models are tables of rows, described here once and laid out by each engine. A row is a plain
 * object whose keys are the columns.
 */
export type ColumnType =
  /** string */
  | "text"
  /** number, a safe integer */
  | "integer"
  /** bigint, nanoseconds */
  | "nanos";

export type Value = string | number | bigint | null;
export type Row = Readonly<Record<string, Value>>;

export type Column = Readonly<{
  type: ColumnType;
  /** Whether it belongs to the `state_digest`: equal on every engine, in every order of arrival. */
  state: boolean;
}>;

export type Table = Readonly<{
  name: string;
  columns: Readonly<Record<string, Column>>;
  /** The primary key's columns, in order. */
  key: readonly string[];
  /** Further indexes, each a list of columns. */
  indexes: readonly (readonly string[])[];
  /**
   * Which rows count in the digests: `both`; `digest` (rows that only this stream's order explains);
   * `none` (change rows and notes of the projector).
   */
  digested: "both" | "digest" | "none";
  /** Its rows are selected while some are not committed yet, always for one value of this column. */
  partition?: string;
  /** Which rows count in the `state_digest`; all of them where it is missing. */
  isState?: (row: Row) => boolean;
}>;

export type Operator = "=" | "<" | "<=" | ">" | ">=" | "in";

export type Condition = Readonly<{
  column: string;
  is: Operator;
  value: Value | readonly Value[];
}>;

/** What rows a selection is from, where equal values do not say it. */
export type Among =
  | Condition
  /** Text that consists of these pieces, with text that holds no `:` between each two. */
  | Readonly<{ column: string; is: "like"; value: readonly string[] }>
  /** The first column of the key of a row in that table. */
  | Readonly<{ column: string; is: "of"; table: Table; among: Among }>
  /** One of these is enough; where there is none, no row is among them. */
  | Readonly<{ anyOf: readonly Among[] }>;

export type Selection = Readonly<{
  where?: readonly Condition[];
  /** Only of rows that are among these: whoever asks knows of no others. */
  among?: Among | undefined;
  /** Ascending unless `descending`; the columns of the order must never be null. */
  orderBy: readonly string[];
  descending?: boolean;
  /** Only rows beyond this tuple of the `orderBy` columns, in the order's direction. */
  beyond?: readonly Value[];
  limit: number;
  /** Ends with the row that brings the text in it to so many bytes: then more may follow. */
  bytesMax?: number;
}>;

/** Characters of text in a row: what it takes of memory, nearly. */
export function textLength(row: Fields): number {
  let length = 0;
  for (const name in row) {
    const value = row[name];
    if (typeof value === "string") length += value.length;
  }
  return length;
}

type Fields = Readonly<Record<string, unknown>>;

/** The rows that a selection's bytes leave of what it finds; what follows is not asked for. */
export function takeRows(rows: Iterable<Row>, { bytesMax }: Pick<Selection, "bytesMax">): Row[] {
  return bytesMax === undefined ? [...rows] : takeWithin(rows, bytesMax, textLength);
}

/** Whether nothing followed when the rows were read, for certain. */
export function isLastRows(
  rows: readonly Fields[],
  { limit, bytesMax }: Pick<Selection, "limit" | "bytesMax">,
): boolean {
  if (bytesMax === undefined) return rows.length < limit;
  return isWhole(rows, { limit, bytesMax }, textLength);
}
