import type { Hashing } from "@counterfoil/core/hashing";
import {
  type Changes,
  type Checkpoint,
  type ModelStore,
  type Row,
  type Selection,
  type Table,
  type TableRows,
  textLength,
  type Value,
} from "../ports/model-store.ts";
import { createDigestSums, type DigestSums, type RowDigests, rowDigests } from "./digests.ts";
import { createKnownRows } from "./known-rows.ts";
import { createPendingRows } from "./pending-rows.ts";
import { inOrderOf, keyOfRow, keyText, rowsWithout } from "./selection.ts";

/**
 * The changes of a projection since its last commit. A row that changes many times between two
 * commits is written and digested once.
 */
export interface RowBuffer {
  /** The current row, committed or not. */
  get(table: Table, key: readonly Value[]): Promise<Row | null>;
  /**
   * The current rows, committed or not. The table has a `partition`, and the selection is for one
   * value of it.
   */
  select(table: Table, selection: Selection): Promise<readonly Row[]>;
  /**
   * @param stored the row as last committed, or its digests; null if it is new. Only the first
   *   value given after a commit is used.
   * @returns the row's own digests, filled in by the commit: a caller that keeps them need not keep
   *   the row.
   */
  put(table: Table, row: Row, stored: Row | RowDigestSlot | null): RowDigestSlot;
  /** Adds a row without a digest under a new key; its previous state is not read. */
  append(table: Table, row: Row): void;
  /** @param key a row with the key's columns; @param stored as for `put`. */
  remove(table: Table, key: Row, stored: Row | RowDigestSlot | null): void;
  /** Rows that were put and not committed yet. */
  pending(table: Table): readonly Row[];
  isEmpty(): boolean;
  /** Length of the text added since the last commit, or since it was staged. */
  textLength(): number;
  /** Writes the changes as a part of the next commit, and releases their memory. */
  stage(): Promise<void>;
  commit(position: number, hash: string): Promise<Checkpoint>;
}

/** The digests of a row; null until a commit has computed them. */
export type RowDigestSlot = { digests: RowDigests | null };

export function createRowBuffer(
  store: ModelStore,
  start: Checkpoint,
  hashing: Hashing,
  isDigested = true,
): RowBuffer {
  let changed = createChangedRows();
  const pendingRows = createPendingRows((table) => changed.remaining(table));
  const known = createKnownRows(keyOfRow);
  const read = createReadRows(store);
  /** The position up to which rows may be stored. */
  let storedTo = start.position;
  const sums = createDigestSums(start);

  function set(
    table: Table,
    keyRow: Row,
    row: Row | null,
    stored: Row | RowDigestSlot | null,
  ): RowDigestSlot {
    const key = keyOfRow(table, keyRow);
    pendingRows.replace(table, changed.of(table)?.get(key)?.row ?? null, row);
    known.put(table, key, row);
    return changed.set(table, key, { row, key: keyRow, stored });
  }

  /** Writes the changes and their digests. If that fails, the buffer is of no use any more. */
  async function write(to: (changes: Changes) => Promise<void>): Promise<void> {
    if (isDigested) changed.addDigests(sums, hashing);
    await to(changed.all());
    changed = createChangedRows();
    read.clear();
    pendingRows.clear();
  }

  return {
    async get(table, key) {
      const name = keyText(key);
      const found = changed.of(table)?.get(name);
      if (found !== undefined) return found.row;
      // What an event adds under its position is not stored before the event is.
      if (table.key[0] === "position" && Number(key[0]) > storedTo) return null;
      return known.get(table, name) ?? read.get(table, key, name);
    },
    // A fold needs all rows that it selects, so a bound of bytes is ignored.
    async select(table, { bytesMax: _, ...selection }) {
      const { rows, rest } = known.find(table, selection);
      if (rest === null) return rows;
      const pending = pendingRows.select(table, rest);
      const others = changed.of(table);
      const kept = await rowsWithout(store, table, rest, (key) => others?.has(key) === true);
      const all = pending.length === 0 ? kept : [...kept, ...pending].sort(inOrderOf(rest));
      const found = known.add(table, rest, all.slice(0, rest.limit));
      return rows.length === 0 ? found : [...rows, ...found];
    },
    put: (table, row, stored) => set(table, row, row, stored),
    append: (table, row) => changed.append(table, row),
    remove: (table, key, stored) => void set(table, key, null, stored),
    pending: (table) => changed.remaining(table),
    isEmpty: () => changed.isEmpty(),
    textLength: () => changed.textLength(),
    async stage() {
      await write((changes) => store.stage(changes));
      // Rows of an event are stored now that is not committed.
      storedTo = Number.POSITIVE_INFINITY;
    },
    async commit(position, hash) {
      const checkpoint = () => ({ position, hash, ...sums.digests() });
      await write((changes) => store.commit({ ...changes, checkpoint: checkpoint() }));
      storedTo = position;
      return checkpoint();
    },
  };
}

/** `row` is null if it is removed, `stored` if it did not exist at the last commit. */
type ChangedRow = {
  row: Row | null;
  readonly key: Row;
  readonly stored: Row | RowDigestSlot | null;
  /** An object of its own, so that who keeps it does not keep the row. */
  readonly slot: RowDigestSlot;
};

const isDigestSlot = (stored: Row | RowDigestSlot): stored is RowDigestSlot => "digests" in stored;

/** What is to be written: one change of each row, however often it was put. */
function createChangedRows() {
  /** By the text of their keys. */
  const tables = new Map<Table, Map<string, ChangedRow>>();
  const appended = new Map<Table, Row[]>();
  let length = 0;

  return {
    of: (table: Table): ReadonlyMap<string, ChangedRow> | undefined => tables.get(table),
    set(table: Table, name: string, { row, key, stored }: Omit<ChangedRow, "slot">): RowDigestSlot {
      const rows = tables.get(table) ?? new Map<string, ChangedRow>();
      if (rows.size === 0) tables.set(table, rows);
      if (row !== null) length += textLength(row);
      const before = rows.get(name);
      if (before !== undefined) {
        before.row = row;
        return before.slot;
      }
      const slot: RowDigestSlot = { digests: null };
      rows.set(name, { row, key, stored, slot });
      if (stored !== null && !isDigestSlot(stored)) length += textLength(stored);
      return slot;
    },
    append(table: Table, row: Row): void {
      length += textLength(row);
      const rows = appended.get(table);
      if (rows) rows.push(row);
      else appended.set(table, [row]);
    },
    /** Rows that were put, and not removed after that. */
    remaining: (table: Table): Row[] =>
      [...(tables.get(table)?.values() ?? [])].flatMap(({ row }) => (row === null ? [] : [row])),
    isEmpty: () => tables.size === 0 && appended.size === 0,
    textLength: () => length,
    /** Replaces the digests of the rows in the sums. */
    addDigests(sums: DigestSums, hashing: Hashing): void {
      for (const [table, rows] of tables) {
        if (table.digested === "none") continue;
        for (const { row, stored, slot } of rows.values()) {
          const before =
            stored && (isDigestSlot(stored) ? stored.digests : rowDigests(table, stored, hashing));
          slot.digests = row && rowDigests(table, row, hashing);
          sums.replace(before, slot.digests);
        }
      }
    },
    all(): Changes {
      const inserts = [...appended].map(([table, rows]) => ({ table, rows }));
      const puts: TableRows[] = [];
      const deletes: Changes["deletes"][number][] = [];
      for (const [table, rows] of tables) {
        const { inserted, updated, removed } = changesOf(table, rows.values());
        if (inserted.length > 0) inserts.push({ table, rows: inserted });
        if (updated.length > 0) puts.push({ table, rows: updated });
        deletes.push({ table, keys: removed });
      }
      return { inserts, puts, deletes };
    },
  };
}

/** A row that was added and removed again leaves nothing to write. */
function changesOf(table: Table, changed: Iterable<ChangedRow>) {
  const [inserted, updated]: [Row[], Row[]] = [[], []];
  const removed: Value[][] = [];
  for (const { row, stored, key } of changed) {
    if (row !== null) (stored === null ? inserted : updated).push(row);
    else if (stored !== null) removed.push(table.key.map((column) => key[column] ?? null));
  }
  return { inserted, updated, removed };
}

/**
 * Rows that were read by key since the last commit, as stored. An event often needs a row several
 * times: to read it, to compare it, and to replace it.
 */
type ReadRows = Readonly<{
  get(table: Table, key: readonly Value[], name: string): Promise<Row | null>;
  /** Forgets all rows: a commit changes them. */
  clear(): void;
}>;

/** Rows of a table beyond which all of its rows are dropped: what a few events read. */
const ROWS_MAX = 256;

function createReadRows(store: Pick<ModelStore, "get">): ReadRows {
  const tables = new Map<Table, Map<string, Row | null>>();
  return {
    async get(table, key, name) {
      const rows = tables.get(table) ?? new Map<string, Row | null>();
      const before = rows.get(name);
      if (before !== undefined) return before;
      const row = await store.get(table, key);
      if (rows.size >= ROWS_MAX) rows.clear();
      rows.set(name, row);
      tables.set(table, rows);
      return row;
    },
    clear: () => tables.clear(),
  };
}
