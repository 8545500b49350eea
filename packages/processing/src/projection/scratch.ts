import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Checkpoint, Commit, ModelStore, Rows } from "../ports/model-store.ts";
import { type Row, type Selection, type Table, takeRows, type Value } from "../ports/table.ts";
import type { Projection } from "./projection.ts";
import { inOrderOf, isAmong, isBeyond, meets } from "./selection.ts";

/** One moment of a model, and what further events would make of it; nobody else sees that. */
export interface Scratch extends Rows {
  readonly checkpoint: Checkpoint;
  /** Rows of a table that the events wrote. */
  written(table: Table): readonly Row[];
}

export type Moment = Readonly<{ rows: Rows; checkpoint: Checkpoint }>;

/**
 * Folds events that are on no stream onto a moment of a model, by the model's own rules, and keeps
 * what they change in memory. It costs what the events move, as if they had been recorded.
 */
export async function foldOnto(
  { rows, checkpoint }: Moment,
  projection: Projection,
  events: readonly NewEvent[],
  hashing: Hashing,
): Promise<Scratch> {
  const scratch = createScratch(rows, checkpoint, projection);
  const session = await projection.open(scratch.store, hashing);
  let { position } = checkpoint;
  for (const { about: _, ...event } of events) {
    position += 1;
    const { recorded_at = 0n } = event;
    await session.apply({ ...event, position, recorded_at, hash: checkpoint.hash });
  }
  await session.commit();
  return scratch;
}

type Written = Map<string, Readonly<{ key: readonly Value[]; row: Row | null }>>;

function createScratch(
  rows: Rows,
  start: Checkpoint,
  { model }: Projection,
): Scratch & Readonly<{ store: ModelStore }> {
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

  const reading: Rows = {
    get: async (table, key) => {
      const found = writtenIn(table).get(keyText(key));
      return found === undefined ? rows.get(table, key) : found.row;
    },
    select,
    // Only totals of a whole model ask, and no event of a subject changes what they count.
    count: (table, where) => rows.count(table, where),
  };

  return {
    ...reading,
    get checkpoint() {
      return checkpoint;
    },
    written: (table) =>
      [...writtenIn(table).values()].flatMap(({ row }) => (row === null ? [] : [row])),
    store: {
      ...reading,
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

/** As many rows below as a selection asks for, without those that were written since. */
async function unwritten(
  rows: Rows,
  table: Table,
  selection: Selection,
  written: Written,
): Promise<readonly Row[]> {
  const { bytesMax: _, ...all } = selection;
  const limit = selection.limit + written.size;
  const found = await rows.select(table, { ...all, limit });
  return found.filter((row) => !written.has(keyText(keyIn(table, row))));
}

const keyIn = ({ key }: Table, row: Row): Value[] => key.map((column) => row[column] ?? null);

const keyText = (key: readonly Value[]): string => key.join("\u0001");

/** The same rows, each question asked once: many scratches over one moment ask the same. */
export function rememberRows(rows: Rows): Rows {
  const answers = new Map<string, Promise<unknown>>();
  const once = <T>(question: readonly unknown[], ask: () => Promise<T>): Promise<T> => {
    const name = JSON.stringify(question, (_, value) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
    const known = answers.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const answer = ask();
    answers.set(name, answer);
    return answer;
  };
  return {
    get: (table, key) => once([table.name, key], () => rows.get(table, key)),
    select: (table, selection) =>
      once([table.name, selection], () => rows.select(table, selection)),
    count: (table, where) => rows.count(table, where),
  };
}
