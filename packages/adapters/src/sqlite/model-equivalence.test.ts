import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelStore } from "@counterfoil/processing/ports/model-store";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { commit, ROWS, selection } from "../testing/model-arbitraries.ts";
import { openModelCatalogue } from "./model-catalogue.ts";

describe("memory and SQLite", () => {
  let dataDir = "";
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-equivalence-"));
  });
  afterAll(() => rm(dataDir, { recursive: true }));

  test("answer every selection alike, whatever was committed", async () => {
    const stores = [
      await newStore(createMemoryModelCatalogue()),
      await newStore(openModelCatalogue({ dataDir })),
    ];
    await fc.assert(
      fc.asyncProperty(
        commit,
        fc.array(selection, { minLength: 1, maxLength: 8 }),
        async (commit, selections) => {
          for (const store of stores) await store.commit(commit);
          for (const each of selections) {
            const [memory, sqlite] = await Promise.all(
              stores.map((store) => store.select(ROWS, each)),
            );
            expect(sqlite).toEqual(memory);
          }
        },
      ),
      { numRuns: 300 },
    );
    for (const store of stores) await store.close();
  });
});

async function newStore(catalogue: ReturnType<typeof openModelCatalogue>): Promise<ModelStore> {
  const generation = await catalogue.create("trades", { tables: [ROWS], modelVersion: 1 });
  return catalogue.openForWriting("trades", generation ?? 0);
}
