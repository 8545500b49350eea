import type {
  Checkpoint,
  Commit,
  ModelStore,
  Row,
  Selection,
  Table,
} from "../ports/model-store.ts";
import { createMemoryModelCatalogue } from "./memory-model-catalogue.ts";

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
  return {
    inserts: [],
    puts: [{ table: ENTRIES, rows }],
    deletes: [],
    checkpoint: checkpointAt(position),
  };
}

/** A store in memory that holds these rows of `ENTRIES`. */
export async function storeOf(rows: readonly Row[]): Promise<ModelStore> {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("balances", { tables: TABLES, modelVersion: 1 });
  const store = await catalogue.openForWriting("balances", 1);
  await store.commit(putEntries(rows));
  return store;
}

/** Selects `ENTRIES` in order of time, after a time and number, and of one account if given. */
export function selectionByTime(
  after: readonly [at: number, seq: number] | null,
  account: string | null,
): Omit<Selection, "limit"> {
  return {
    orderBy: ["at", "seq", "account"],
    where: account === null ? [] : [{ column: "account", is: "=", value: account }],
    ...(after === null ? {} : { beyond: [BigInt(after[0]), after[1], "a"] }),
  };
}
