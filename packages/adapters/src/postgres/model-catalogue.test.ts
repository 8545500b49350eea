import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { describeModelStoreContract } from "@counterfoil/processing/testing/model-store.contract";
import { describe, expect, test } from "@jest/globals";
import { openModelCatalogue } from "./model-catalogue.ts";
import { newDatabase } from "./testing/new-database.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("the read models on PostgreSQL", (use) => {
  const harnessAt = (url: string) => {
    const ledger = use().newLedger();
    return {
      open: async () => openModelCatalogue({ url, ledger }),
      dispose: async () => {},
    };
  };
  describeModelStoreContract("postgres", async () => harnessAt(use().url));

  describe("of a database whose transactions are serializable", () => {
    let url: Promise<string> | null = null;
    describeModelStoreContract("postgres", async () => {
      url ??= newDatabase(use().url, "serializable");
      return harnessAt(await url);
    });
  });

  test("models that are created at once, by several processes, on an empty database", async () => {
    const ledger = use().newLedger();
    const open = () => openModelCatalogue({ url: use().url, ledger });
    // A projector creates its four models over one connection.
    const processes = [open(), open(), open()];
    const create = (catalogue: ModelCatalogue, model: ModelName) =>
      catalogue.create(model, {
        tables: PROJECTIONS[model].tables,
        modelVersion: 1,
        generation: 1,
      });
    const created = processes.map((catalogue) =>
      Promise.all(MODEL_NAMES.map((model) => create(catalogue, model))),
    );
    const numbers = (await Promise.all(created)).flat();
    expect(numbers.filter((number) => number === 1)).toHaveLength(MODEL_NAMES.length);
    for (const model of MODEL_NAMES) {
      const found = await Promise.all(processes.map(({ generations }) => generations(model)));
      expect(found).toMatchObject(processes.map(() => [{ generation: 1, modelVersion: 1 }]));
    }
    await Promise.all(processes.map(({ close }) => close()));
  });
});
