import type { Commit, ModelStore } from "@counterfoil/processing/ports/model-store";
import type { Row, Table } from "@counterfoil/processing/ports/table";

export type CountedRows = Readonly<{
  store: ModelStore;
  /** Rows that were asked for and written. */
  rows: () => number;
  /** Those that were asked for: one at least for each question. */
  asked: () => number;
  /** Change rows among them. */
  changes: () => number;
  /** How long the texts are that were written. */
  textWritten: () => number;
}>;

/** A store that counts what is done with it: work that no machine's speed has a part in. */
export function countRows(store: ModelStore, changesOf: Table): CountedRows {
  let asked = 0;
  let wrote = 0;
  let changes = 0;
  let textWritten = 0;
  const written = ({ inserts, puts, deletes }: Commit): number =>
    [...inserts, ...puts].reduce((sum, { rows: some }) => sum + some.length, 0) +
    deletes.reduce((sum, { keys }) => sum + keys.length, 0);
  const counted: ModelStore = {
    ...store,
    get: async (table, key) => {
      asked += 1;
      return store.get(table, key);
    },
    select: async (table, selection) => {
      const found = await store.select(table, selection);
      asked += Math.max(1, found.length);
      return found;
    },
    commit: async (commit) => {
      wrote += written(commit);
      const changed = commit.inserts.filter(({ table }) => table === changesOf);
      changes += changed.reduce((sum, { rows: some }) => sum + some.length, 0);
      for (const { rows } of [...commit.inserts, ...commit.puts]) {
        textWritten += rows.reduce((sum, row) => sum + textLength(row), 0);
      }
      await store.commit(commit);
    },
  };
  return {
    store: counted,
    rows: () => asked + wrote,
    asked: () => asked,
    changes: () => changes,
    textWritten: () => textWritten,
  };
}

const textLength = (row: Row): number =>
  Object.values(row).reduce<number>((sum, value) => sum + String(value ?? "").length, 0);
