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

/** One moment of a model, and what further events would make of it; nobody else sees that. */
export interface Scratch extends Rows {
  readonly checkpoint: Checkpoint;
  /** Rows of a table that the events wrote. */
  written(table: Table): readonly Row[];
  /** Folds events that are on no stream. It costs what they move, as if they had been recorded. */
  fold(events: readonly NewEvent[]): Promise<void>;
}

export type Moment = Readonly<{ rows: Rows; checkpoint: Checkpoint }>;

/** A moment of a model to fold onto by the model's own rules; what changes stays in memory. */
export async function openScratch(
  moment: Moment,
  projection: Projection,
  hashing: Hashing,
): Promise<Scratch> {
  const written = createWritten(moment, projection);
  const session = await projection.open(written.store, hashing, false);
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

/** A store that reads through to a moment, and keeps what is written. */
function createWritten(
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
    const kept = await unwritten(rows, table, selection, written);
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
      // Only totals of a whole model ask, and no event of a subject changes what they count.
      count: (table, where, most) => rows.count(table, where, most),
      model,
      generation: 0,
      checkpoint: async () => checkpoint,
      commit: async (commit: Commit) => {
        for (const { table, rows: put } of [...commit.inserts, ...commit.puts]) {
          for (const row of put) write(table, keyIn(table, row), row);
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

/** What a selection finds below among rows that were not written since; at least as many as asked. */
async function unwritten(
  rows: Rows,
  table: Table,
  { bytesMax: _, ...selection }: Selection,
  written: Written,
): Promise<readonly Row[]> {
  const kept: Row[] = [];
  for (let page: Selection = selection; kept.length < selection.limit; ) {
    const found = await rows.select(table, page);
    for (const row of found) if (!written.has(keyText(keyIn(table, row)))) kept.push(row);
    const last = found.at(-1);
    if (last === undefined || found.length < page.limit) break;
    const beyond = selection.orderBy.map((column) => last[column] ?? null);
    page = { ...selection, beyond, limit: Math.max(selection.limit, SKIPPED) };
  }
  return kept;
}

/** Who asks for one row may meet many that were written. */
const SKIPPED = 50;

const keyIn = ({ key }: Table, row: Row): Value[] => key.map((column) => row[column] ?? null);

const keyText = (key: readonly Value[]): string => key.join("\u0001");
