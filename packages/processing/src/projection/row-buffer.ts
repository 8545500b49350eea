import {
  addToDigest,
  type DigestSum,
  formatDigest,
  parseDigest,
  rowHash,
  takeFromDigest,
} from "@counterfoil/core/digest";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Checkpoint, Commit, ModelStore } from "../ports/model-store.ts";
import type { Row, Table, Value } from "../ports/table.ts";

/**
 * What a projection changed since its last commit. A row that changes many times between two
 * commits is written, and digested, once.
 */
export interface RowBuffer {
  /** The row as it stands now, committed or not. */
  get(table: Table, key: readonly Value[]): Promise<Row | null>;
  /** @param stored the row as it was last committed; null where it is new. */
  put(table: Table, row: Row, stored: Row | null): void;
  /** A row without digest whose key is new: nothing has to be known of it. */
  append(table: Table, row: Row): void;
  remove(table: Table, stored: Row): void;
  /** Rows that were put and are not committed yet. */
  pending(table: Table): readonly Row[];
  isEmpty(): boolean;
  commit(position: number, hash: string): Promise<Checkpoint>;
}

/** `row` null: gone. `stored` null: it was not there at the last commit. */
type Slot = { row: Row | null; readonly stored: Row | null };

export function createRowBuffer(store: ModelStore, start: Checkpoint, hashing: Hashing): RowBuffer {
  const slots = new Map<Table, Map<string, Slot>>();
  const appended = new Map<Table, Row[]>();
  let digest = parseDigest(start.digest);
  let stateDigest = parseDigest(start.state_digest);

  function slotsOf(table: Table): Map<string, Slot> {
    let found = slots.get(table);
    if (found === undefined) {
      found = new Map();
      slots.set(table, found);
    }
    return found;
  }

  function set(table: Table, keyRow: Row, row: Row | null, stored: Row | null): void {
    const key = keyText(table.key.map((column) => keyRow[column] ?? null));
    const changed = slotsOf(table);
    const slot = changed.get(key);
    if (slot) slot.row = row;
    else changed.set(key, { row, stored });
  }

  function digestSlot(table: Table, { row, stored }: Slot): void {
    if (table.digested === "none") return;
    const before = stored && leaf(table, stored, hashing);
    const after = row && leaf(table, row, hashing);
    digest = replaced(digest, before?.digest, after?.digest);
    stateDigest = replaced(stateDigest, before?.state, after?.state);
  }

  return {
    async get(table, key) {
      const slot = slots.get(table)?.get(keyText(key));
      return slot ? slot.row : store.get(table, key);
    },
    put: (table, row, stored) => set(table, row, row, stored),
    append(table, row) {
      const rows = appended.get(table);
      if (rows) rows.push(row);
      else appended.set(table, [row]);
    },
    remove: (table, stored) => set(table, stored, null, stored),
    pending: (table) => [...(slots.get(table)?.values() ?? [])].flatMap(rowIn),
    isEmpty: () => slots.size === 0 && appended.size === 0,
    async commit(position, hash) {
      const puts = [...appended].map(([table, rows]) => ({ table, rows }));
      const deletes: Commit["deletes"][number][] = [];
      for (const [table, changed] of slots) {
        for (const slot of changed.values()) digestSlot(table, slot);
        puts.push({ table, rows: [...changed.values()].flatMap(rowIn) });
        deletes.push({ table, keys: keysGone(table, changed) });
      }
      const digests = { digest: formatDigest(digest), state_digest: formatDigest(stateDigest) };
      const checkpoint = { position, hash, ...digests };
      await store.commit({ puts, deletes, checkpoint });
      slots.clear();
      appended.clear();
      return checkpoint;
    },
  };
}

const rowIn = ({ row }: Slot): Row[] => (row === null ? [] : [row]);

const keyText = (key: readonly Value[]): string => key.join("\u0001");

function keysGone(table: Table, changed: ReadonlyMap<string, Slot>): Value[][] {
  const keys: Value[][] = [];
  for (const { row, stored } of changed.values()) {
    if (row === null && stored !== null) {
      keys.push(table.key.map((column) => stored[column] ?? null));
    }
  }
  return keys;
}

function replaced(
  sum: DigestSum,
  before: bigint | undefined | null,
  after: bigint | undefined | null,
) {
  const without = before ? takeFromDigest(sum, before) : sum;
  return after ? addToDigest(without, after) : without;
}

/**
 * A row's share in the digests: SHA-256 of the JSON array of the table's name and its columns,
 * numbers and times as strings; all columns, and those of the state alone.
 */
export function leaf(
  table: Table,
  row: Row,
  hashing: Hashing,
): Readonly<{ digest: bigint; state: bigint | null }> {
  const { all, state } = columnsOf(table);
  const countsAsState = table.digested === "both" && (table.isState?.(row) ?? true);
  return {
    digest: rowHash(rowText(table.name, row, all), hashing),
    state: countsAsState ? rowHash(rowText(table.name, row, state), hashing) : null,
  };
}

function rowText(table: string, row: Row, columns: readonly string[]): string {
  let text = `[${JSON.stringify(table)}`;
  for (const column of columns) {
    const value = row[column];
    if (value === null || value === undefined) text += ",null";
    else if (typeof value === "string") text += `,${JSON.stringify(value)}`;
    else text += `,"${value}"`;
  }
  return `${text}]`;
}

type Columns = Readonly<{ all: readonly string[]; state: readonly string[] }>;
const columnsByTable = new WeakMap<Table, Columns>();

function columnsOf(table: Table): Columns {
  let columns = columnsByTable.get(table);
  if (columns === undefined) {
    const all = Object.keys(table.columns).sort();
    columns = { all, state: all.filter((column) => table.columns[column]?.state) };
    columnsByTable.set(table, columns);
  }
  return columns;
}
