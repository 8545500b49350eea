import { describeModelStoreContract } from "@counterfoil/processing/testing/model-store.contract";
import { describe } from "@jest/globals";
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
});
