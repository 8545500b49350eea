import { afterEach, beforeEach } from "@jest/globals";
import type { Checkpoint, Commit, ModelCatalogue, ModelStore } from "../ports/model-store.ts";
import type { Row, Table } from "../ports/table.ts";

/** The read models of one ledger of the engine under examination, none at first. */
export type ModelHarness = Readonly<{
  /** Another instance on the same models, as another process would open it. */
  open(): Promise<ModelCatalogue>;
  /** Removes what was stored; the instances are closed already. */
  dispose(): Promise<void>;
}>;

export type ModelFixture = Readonly<{
  catalogue: ModelCatalogue;
  openAnother(): Promise<ModelCatalogue>;
  /** A new generation of `withdrawals` with the tables below, open for writing. */
  createStore(): Promise<ModelStore>;
}>;

const TEXT = { type: "text", state: true } as const;
const INTEGER = { type: "integer", state: false } as const;
const NANOS = { type: "nanos", state: true } as const;

/** Every type of column, words that SQL reserves, a key of two columns. */
export const ENTRIES: Table = {
  name: "entries",
  columns: { account: TEXT, seq: INTEGER, order: TEXT, at: NANOS, 'quo"ted': INTEGER },
  key: ["account", "seq"],
  indexes: [["order"], ["at", "seq"]],
  digested: "both",
};

/** No nanoseconds, and nothing besides the key. */
export const TAGS: Table = {
  name: "group",
  columns: { tag: TEXT, number: INTEGER },
  key: ["tag", "number"],
  indexes: [],
  digested: "none",
};

export const TABLES = [ENTRIES, TAGS];

export function entry(account: string, seq: number, rest: Row = {}): Row {
  return { account, seq, order: null, at: null, 'quo"ted': null, ...rest };
}

export function checkpointAt(position: number): Checkpoint {
  const digit = String(position % 10);
  return {
    position,
    hash: digit.repeat(64),
    digest: `a${digit.repeat(63)}`,
    state_digest: `b${digit.repeat(63)}`,
  };
}

export function putEntries(rows: readonly Row[], position = 1): Commit {
  return { puts: [{ table: ENTRIES, rows }], deletes: [], checkpoint: checkpointAt(position) };
}

export function useModels(makeHarness: () => Promise<ModelHarness>): () => ModelFixture {
  let harness: ModelHarness | null = null;
  let fixture: ModelFixture | null = null;
  let opened: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    const made = await makeHarness();
    const openAnother = async () => {
      const catalogue = await made.open();
      opened.push(catalogue);
      return catalogue;
    };
    const catalogue = await openAnother();
    const createStore = async () => {
      const layout = { tables: TABLES, modelVersion: 1 };
      const generation = await catalogue.create("withdrawals", layout);
      const store = await catalogue.openForWriting("withdrawals", generation ?? 0);
      opened.push(store);
      return store;
    };
    harness = made;
    fixture = { catalogue, openAnother, createStore };
  });

  afterEach(async () => {
    for (const each of opened.reverse()) await each.close();
    opened = [];
    await harness?.dispose();
  });

  return () => {
    if (fixture === null) throw new Error("the fixture exists only inside a test");
    return fixture;
  };
}
