import type { ModelCatalogue, ModelStore } from "@counterfoil/processing/ports/model-store";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { commit, ROWS, selection } from "../testing/model-arbitraries.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("memory and PostgreSQL", (use) => {
  test("answer every selection alike, whatever was committed", async () => {
    const { url, newLedger } = use();
    const catalogue = openModelCatalogue({ url, ledger: newLedger() });
    const [memory, postgres] = [
      await newStore(createMemoryModelCatalogue()),
      await newStore(catalogue),
    ] as const;
    const selections = fc.array(selection, { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(commit, selections, async (commit, selections) => {
        for (const store of [memory, postgres]) await store.commit(commit);
        for (const each of selections) {
          expect(await postgres.select(ROWS, each)).toEqual(await memory.select(ROWS, each));
        }
      }),
      { numRuns: 100 },
    );
    await postgres.close();
    await catalogue.close();
  });
});

async function newStore(catalogue: ModelCatalogue): Promise<ModelStore> {
  const generation = await catalogue.create("trades", { tables: [ROWS], modelVersion: 1 });
  return catalogue.openForWriting("trades", generation ?? 0);
}
