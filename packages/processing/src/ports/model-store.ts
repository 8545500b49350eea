import type { ModelName } from "@counterfoil/contracts/fact";
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

/** What has generations of rows: the read models, and beside them the publisher's counts, the audit tree and the heads signed over it. */
export type StoreName = ModelName | "publisher" | "audit" | "heads";

/** How far a projection has come, on which stream, and what its rows add up to. */
export type Checkpoint = Readonly<{
  /** 0 before the first event. */
  position: number;
  /** The hash of the event there; "" at position 0. */
  hash: string;
  /** 64 hex digits each: see core/hashing.ts. */
  digest: string;
  state_digest: string;
}>;

/** Rows of one moment. */
export interface Rows {
  get(table: Table, key: readonly Value[]): Promise<Row | null>;
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
  /** All of them, or those that meet the conditions; an index of these columns answers that alone. */
  count(table: Table, where?: readonly Condition[]): Promise<number>;
}

export type TableRows = Readonly<{ table: Table; rows: readonly Row[] }>;

/** Everything that one step of a projection changed; it becomes visible and durable at once. */
export type Commit = Readonly<{
  /** Rows whose keys are not there yet; where one is, the commit fails. */
  inserts: readonly TableRows[];
  /** Rows that take the place of those with their keys, or are new. */
  puts: readonly TableRows[];
  deletes: readonly Readonly<{ table: Table; keys: readonly (readonly Value[])[] }>[];
  checkpoint: Checkpoint;
}>;

/** One generation of one model, open for writing. Only the holder of the model's lock opens one. */
export interface ModelStore extends Rows {
  readonly model: StoreName;
  /** Below 1 where it is none, see `openScratch`. */
  readonly generation: number;
  checkpoint(): Promise<Checkpoint>;
  /**
   * Inserts, puts, then deletes, and moves the checkpoint, all or nothing.
   * Durable enough that a crash leaves an earlier commit whole: it may lose the last ones, which
   * are projected again.
   */
  commit(commit: Commit): Promise<void>;
  close(): Promise<void>;
}

/**
 * A generation that nobody reads yet, being filled in bulk. Until it is finished it is none of the
 * catalogue's generations, and a crash may leave nothing of it but its number.
 */
export interface BuildingStore extends ModelStore {
  /** Lays out what readers need, makes everything durable, and closes the store. */
  finish(): Promise<void>;
}

/** One generation of one model, open for reading beside its writer. */
export interface ModelReader {
  readonly model: StoreName;
  readonly generation: number;
  /** Runs `read` on the rows of one moment, together with the checkpoint of that moment. */
  snapshot<T>(read: (rows: Rows, checkpoint: Checkpoint) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export type GenerationInfo = Readonly<{
  generation: number;
  modelVersion: number;
  checkpoint: Checkpoint;
}>;

export type ModelLayout = Readonly<{ tables: readonly Table[]; modelVersion: number }>;

/** All generations of all models of one ledger in one engine. */
export interface ModelCatalogue {
  /**
   * Generations that exist here and are not being built, ascending. One that is damaged, as far as
   * that shows at a glance, is none of them: it keeps its number, and whoever opens it is told.
   */
  generations(model: StoreName): Promise<readonly GenerationInfo[]>;
  /**
   * Claims the next free number exclusively (two rebuilds get two numbers) and lays out its tables.
   * With `generation`, that very number, and null where it is taken.
   */
  create(
    model: StoreName,
    options: ModelLayout & Readonly<{ generation?: number }>,
  ): Promise<number | null>;
  /** @throws GenerationMissing, ModelCorrupted, as whatever opens one */
  openForWriting(model: StoreName, generation: number): Promise<ModelStore>;
  /** Takes a generation that was created just now out of sight, to fill it in bulk. */
  openForBuilding(
    model: StoreName,
    generation: number,
    tables: readonly Table[],
  ): Promise<BuildingStore>;
  openForReading(model: StoreName, generation: number): Promise<ModelReader>;
  /**
   * An empty store to build a model in for a comparison. It is no generation: it takes no number,
   * nobody else sees it, and it is gone when it is closed. What is left of one whose process died,
   * the next that is opened clears away, as whoever opens or creates a generation of the model.
   */
  openScratch(model: StoreName, layout: ModelLayout): Promise<ModelStore>;
  drop(model: StoreName, generation: number): Promise<void>;
  close(): Promise<void>;
}
