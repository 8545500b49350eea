import { describeHeadsContract } from "@counterfoil/processing/testing/heads.contract";
import { openModelCatalogue } from "./model-catalogue.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("signed heads on PostgreSQL", (use) => {
  describeHeadsContract("postgres", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    return { open: async () => openModelCatalogue({ url, ledger }), dispose: async () => {} };
  });
});
