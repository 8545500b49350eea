import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  type Checkpoint,
  type Commit,
  type ModelStore,
  type Row,
  type Rows,
  type Selection,
  type Table,
  takeRows,
  type Value,
} from "../ports/model-store.ts";
import type { Projection } from "./projection.ts";
import { inOrderOf, isAmong, isBeyond, meets } from "./selection.ts";

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

type Written = Map<string, Readonly<{ key: readonly Value[]; row: Row | null }>>;

/** A store that keeps writes in memory and reads everything else from a moment. */
function createOverlay(
  { rows, checkpoint: start }: Moment,
  { model }: Projection,
): Readonly<{ store: ModelStore; rowsOf: Scratch["written"] }> {
  const tables = new Map<string, Written>();
  let checkpoint = start;

  const writtenIn = ({ name }: Table): Written => tables.get(name) ?? new Map();

  function write(table: Table, key: readonly Value[], row: Row | null): void {
    const written = writtenIn(table);
    tables.set(table.name, written.set(keyText(key), { key, row }));
  }

  async function select(table: Table, selection: Selection): Promise<readonly Row[]> {
    const written = writtenIn(table);
    if (written.size === 0) return rows.select(table, selection);
    const { where = [], among, limit } = selection;
    const kept = await unwrittenRows(rows, table, selection, written);
    const added = [...written.values()].flatMap(({ row }) => {
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
    rowsOf: (table) =>
      [...writtenIn(table).values()].flatMap(({ row }) => (row === null ? [] : [row])),
    store: {
      get: async (table, key) => {
        const found = writtenIn(table).get(keyText(key));
        return found === undefined ? rows.get(table, key) : found.row;
      },
      select,
      // Only totals of a whole model are counted, and no event of a subject changes them.
      count: (table, where, most) => rows.count(table, where, most),
      model,
      generation: 0,
      checkpoint: async () => checkpoint,
      commit: async (commit: Commit) => {
        for (const { table, rows: put } of [...commit.inserts, ...commit.puts]) {
          for (const row of put) write(table, keyOf(table, row), row);
        }
        for (const { table, keys } of commit.deletes) {
          for (const key of keys) write(table, key, null);
        }
        checkpoint = commit.checkpoint;
      },
      close: async () => {},
    },
  };
}

/**
 * The selected rows of the moment that were not written since; at least as many as requested, if
 * there are that many.
 */
async function unwrittenRows(
  rows: Rows,
  table: Table,
  { bytesMax: _, ...selection }: Selection,
  written: Written,
): Promise<readonly Row[]> {
  const kept: Row[] = [];
  for (let page: Selection = selection; kept.length < selection.limit; ) {
    const found = await rows.select(table, page);
    for (const row of found) if (!written.has(keyText(keyOf(table, row)))) kept.push(row);
    const last = found.at(-1);
    if (last === undefined || found.length < page.limit) break;
    const beyond = selection.orderBy.map((column) => last[column] ?? null);
    page = { ...selection, beyond, limit: Math.max(selection.limit, NEXT_PAGE_MIN) };
  }
  return kept;
}

/** Minimum size of further pages: a selection of one row may have to skip many written rows. */
const NEXT_PAGE_MIN = 50;

const keyOf = ({ key }: Table, row: Row): Value[] => key.map((column) => row[column] ?? null);

const keyText = (key: readonly Value[]): string => key.join("\u0001");
