import type { ModelName } from "@counterfoil/contracts/fact";
import { isWhole, takeWithin } from "@counterfoil/core/exact/text";

/**
 * Read models are tables of rows, defined here once and created by each engine. A row is a plain
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
  /** Whether it is part of the `state_digest`, which is equal on every engine and for every order of arrival. */
  state: boolean;
  /**
   * A reader takes it for null where a generation of an older version lacks it: what that shows is right
   * without it. Of any other column that is missing, a reader says that the rows are laid out otherwise.
   */
  isAdded?: true;
}>;

export type Table = Readonly<{
  name: string;
  columns: Readonly<Record<string, Column>>;
  /** The primary key's columns, in order. */
  key: readonly string[];
  /** Further indexes, each a list of columns. */
  indexes: readonly (readonly string[])[];
  /**
   * The digests that include the rows: `both`; `digest` (rows that depend on this stream's order);
   * `none` (change rows and the projector's own state).
   */
  digested: "both" | "digest" | "none";
  /** Its rows do not follow from the stream alone, so another generation may have others. */
  isOwn?: true;
  /** Its rows are selected before they are committed, always for one value of this column. */
  partition?: string;
  /** The rows included in the `state_digest`; all rows if not given. */
  isState?: (row: Row) => boolean;
}>;

export type Operator = "=" | "<" | "<=" | ">" | ">=" | "in";

export type Condition = Readonly<{
  column: string;
  is: Operator;
  value: Value | readonly Value[];
}>;

/** Restricts a selection where comparisons of columns are not enough. */
export type Among =
  | Condition
  /** Text made of these pieces, with any text without `:` between two of them. */
  | Readonly<{ column: string; is: "like"; value: readonly string[] }>
  /** A value of the first key column of that table. */
  | Readonly<{ column: string; is: "of"; table: Table; among: Among }>
  /** At least one of these; an empty list matches no row. */
  | Readonly<{ anyOf: readonly Among[] }>;

export type Selection = Readonly<{
  where?: readonly Condition[];
  /** Only rows that match: all others do not exist for the caller. */
  among?: Among | undefined;
  /** Ascending unless `descending`. These columns are never null. */
  orderBy: readonly string[];
  descending?: boolean;
  /** Only rows beyond this tuple of the `orderBy` columns, in the order's direction. */
  beyond?: readonly Value[];
  limit: number;
  /** The selection ends with the row that brings its text to this size; more rows may follow. */
  bytesMax?: number;
}>;

/** The number of characters of text in a row, which approximates its memory. */
export function textLength(row: Fields): number {
  let length = 0;
  for (const name in row) {
    const value = row[name];
    if (typeof value === "string") length += value.length;
  }
  return length;
}

type Fields = Readonly<Record<string, unknown>>;

/** The rows within a selection's size limit; later rows are not read. */
export function takeRows(rows: Iterable<Row>, { bytesMax }: Pick<Selection, "bytesMax">): Row[] {
  return bytesMax === undefined ? [...rows] : takeWithin(rows, bytesMax, textLength);
}

/** Whether the rows certainly reached the end when they were read. */
export function isLastRows(
  rows: readonly Fields[],
  { limit, bytesMax }: Pick<Selection, "limit" | "bytesMax">,
): boolean {
  if (bytesMax === undefined) return rows.length < limit;
  return isWhole(rows, { limit, bytesMax }, textLength);
}

/** A store with generations: a read model, the publisher's counts, the audit tree, or the signed heads. */
export type StoreName = ModelName | "publisher" | "audit" | "heads";

/** The position and hash of the last projected event, and the digests of the rows. */
export type Checkpoint = Readonly<{
  /** 0 before the first event. */
  position: number;
  /** The hash of the event at the position; "" at position 0. */
  hash: string;
  /** 64 hex digits each, see core/hashing.ts. */
  digest: string;
  state_digest: string;
}>;

/** A consistent snapshot of rows. */
export interface Rows {
  get(table: Table, key: readonly Value[]): Promise<Row | null>;
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
  /**
   * The number of all rows, or of those that meet the conditions; an index on these columns suffices.
   *
   * @param most stops counting at this number
   */
  count(table: Table, where?: readonly Condition[], most?: number): Promise<number>;
}

export type TableRows = Readonly<{ table: Table; rows: readonly Row[] }>;

export type Changes = Readonly<{
  /** New rows; the write fails if a key exists. */
  inserts: readonly TableRows[];
  /** Rows that replace those with the same key, or are new. */
  puts: readonly TableRows[];
  deletes: readonly Readonly<{ table: Table; keys: readonly (readonly Value[])[] }>[];
}>;

/** All changes of one step of a projection, applied atomically. */
export type Commit = Changes & Readonly<{ checkpoint: Checkpoint }>;

/** One generation of one model, open for writing. Only the holder of the model's lock opens one. */
export interface ModelStore extends Rows {
  readonly model: StoreName;
  /** Below 1 for a scratch store, see `openScratch`. */
  readonly generation: number;
  /** The checkpoint of the last commit. Discards what was staged after it. */
  checkpoint(): Promise<Checkpoint>;
  /**
   * Writes a part of the next commit that is too large for memory. This store's own reads see it, nobody
   * else does before that commit, and with it stands or falls all that was staged.
   *
   * @throws as `commit`; all that was staged is discarded then
   */
  stage(changes: Changes): Promise<void>;
  /**
   * Applies inserts, puts and then deletes, and moves the checkpoint, atomically. A crash may lose the
   * last commits, which are projected again, but leaves an earlier commit intact.
   */
  commit(commit: Commit): Promise<void>;
  close(): Promise<void>;
}

/**
 * A generation that is being filled in bulk and has no readers. Until it is finished the catalogue does
 * not list it, and a crash may leave nothing of it but its number.
 */
export interface BuildingStore extends ModelStore {
  /** Creates the indexes, makes everything durable, and closes the store. */
  finish(): Promise<void>;
}

/** `modelVersion`: the version of the rows' layout. */
export type ReadSnapshot<T> = (
  rows: Rows,
  checkpoint: Checkpoint,
  modelVersion: number,
) => Promise<T>;

/** One generation of one model, open for reading while a writer may have it open. */
export interface ModelReader {
  readonly model: StoreName;
  readonly generation: number;
  /** Runs `read` on a snapshot of the rows with its checkpoint. */
  snapshot<T>(read: ReadSnapshot<T>): Promise<T>;
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
   * The generations that exist and are not being built, ascending. A visibly damaged generation is not
   * listed: it keeps its number, and opening it throws.
   */
  generations(model: StoreName): Promise<readonly GenerationInfo[]>;
  /**
   * Claims the next free number exclusively (two rebuilds get two numbers) and creates its tables.
   * With `generation`, claims that number, and returns null if it is taken.
   */
  create(
    model: StoreName,
    options: ModelLayout & Readonly<{ generation?: number }>,
  ): Promise<number | null>;
  /** @throws GenerationMissing, ModelCorrupted, as every method that opens a generation */
  openForWriting(model: StoreName, generation: number): Promise<ModelStore>;
  /**
   * Opens a newly created generation to fill it in bulk, hidden from `generations`.
   *
   * @throws ModelUnavailable, as all methods of the store, also if what is being built is damaged: it is
   *   discarded, and says nothing about a model that is served
   */
  openForBuilding(
    model: StoreName,
    generation: number,
    tables: readonly Table[],
  ): Promise<BuildingStore>;
  openForReading(model: StoreName, generation: number): Promise<ModelReader>;
  /**
   * Opens an empty store to build a model for a comparison. It is not a generation: it takes no number,
   * nobody else sees it, and it is removed when it is closed. The remains of a scratch store whose
   * process died are removed when the next one, or a generation of the model, is opened or created.
   *
   * @throws ModelUnavailable as `openForBuilding`
   */
  openScratch(model: StoreName, layout: ModelLayout): Promise<ModelStore>;
  drop(model: StoreName, generation: number): Promise<void>;
  close(): Promise<void>;
}
