import { describeModelStoreContract } from "@counterfoil/processing/testing/model-store.contract";
import { openModelCatalogue } from "./model-catalogue.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("the read models on PostgreSQL", (use) => {
  describeModelStoreContract("postgres", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    return {
      open: async () => openModelCatalogue({ url, ledger }),
      dispose: async () => {},
    };
  });
});
