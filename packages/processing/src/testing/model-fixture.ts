import { afterEach, beforeEach } from "@jest/globals";
import type { ModelCatalogue, ModelStore } from "../ports/model-store.ts";
import { TABLES } from "./sample-tables.ts";

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
  /** A new generation of `withdrawals` with the sample tables, open for writing. */
  createStore(): Promise<ModelStore>;
}>;

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
