import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  type Changes,
  type Checkpoint,
  type ModelStore,
  type Row,
  type Rows,
  type Selection,
  type Table,
  takeRows,
} from "../ports/model-store.ts";
import type { Projection } from "./projection.ts";
import {
  inOrderOf,
  isAmong,
  isBeyond,
  keyOfRow,
  keyText,
  meets,
  rowsWithout,
} from "./selection.ts";

/** One moment of a model with the changes of further events on top; no other reader sees them. */
export interface Scratch extends Rows {
  readonly checkpoint: Checkpoint;
  /** The rows of a table that the events wrote. */
  written(table: Table): readonly Row[];
  /**
   * Folds events that are not on the stream. The cost is that of their changes, as if they had been
   * recorded.
   */
  fold(events: readonly NewEvent[]): Promise<void>;
}

export type Moment = Readonly<{ rows: Rows; checkpoint: Checkpoint }>;

/** Opens a moment of a model for folding by the model's own rules; changes stay in memory. */
export async function openScratch(
  moment: Moment,
  projection: Projection,
  hashing: Hashing,
): Promise<Scratch> {
  const written = createOverlay(moment, projection);
  const session = await projection.open(written.store, hashing, { isDigested: false });
  let { position } = moment.checkpoint;
  return {
    get: written.store.get,
    select: written.store.select,
    count: written.store.count,
    written: written.rowsOf,
    get checkpoint() {
      return session.checkpoint;
    },
    async fold(events) {
      for (const { about: _, ...event } of events) {
        position += 1;
        const { recorded_at = 0n } = event;
        await session.apply({ ...event, position, recorded_at, hash: moment.checkpoint.hash });
      }
      await session.commit();
    },
  };
}

/** The rows that were written, by the text of their key; null if one was deleted. */
type Written = Map<string, Row | null>;

/** A store that keeps writes in memory and reads everything else from a moment. */
function createOverlay(
  { rows, checkpoint: start }: Moment,
  { model }: Projection,
): Readonly<{ store: ModelStore; rowsOf: Scratch["written"] }> {
  const tables = new Map<string, Written>();
  let checkpoint = start;

  const writtenIn = ({ name }: Table): Written => tables.get(name) ?? new Map();

  function write(table: Table, key: string, row: Row | null): void {
    tables.set(table.name, writtenIn(table).set(key, row));
  }

  function writeAll({ inserts, puts, deletes }: Changes): void {
    for (const { table, rows: put } of [...inserts, ...puts]) {
      for (const row of put) write(table, keyOfRow(table, row), row);
    }
    for (const { table, keys } of deletes) {
      for (const key of keys) write(table, keyText(key), null);
    }
  }

  async function select(table: Table, selection: Selection): Promise<readonly Row[]> {
    const written = writtenIn(table);
    if (written.size === 0) return rows.select(table, selection);
    const { bytesMax: _, ...unbounded } = selection;
    const { where = [], among, limit } = unbounded;
    const kept = await rowsWithout(rows, table, unbounded, (key) => written.has(key));
    const added = [...written.values()].flatMap((row) => {
      const isFound =
        row !== null &&
        meets(row, where) &&
        isBeyond(row, selection) &&
        isAmong(row, among, () => []);
      return isFound ? [row] : [];
    });
    const found = [...kept, ...added].sort(inOrderOf(selection)).slice(0, limit);
    return takeRows(found, selection);
  }

  return {
    rowsOf: (table) => [...writtenIn(table).values()].filter((row) => row !== null),
    store: {
      get: async (table, key) => {
        const found = writtenIn(table).get(keyText(key));
        return found === undefined ? rows.get(table, key) : found;
      },
      select,
      // Only totals of a whole model are counted, and no event of a subject changes them.
      count: (table, where, most) => rows.count(table, where, most),
      model,
      generation: 0,
      checkpoint: async () => checkpoint,
      // After a failure nobody asks it again, so nothing staged is ever discarded.
      stage: async (changes) => writeAll(changes),
      commit: async ({ checkpoint: after, ...changes }) => {
        writeAll(changes);
        checkpoint = after;
      },
      close: async () => {},
    },
  };
}
