import { describeIdentityIndexContract } from "../eventstore/testing/identity-index.contract.ts";
import { openIdentityIndex } from "./identity-index.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("the identity index on PostgreSQL", (use) => {
  describeIdentityIndexContract("postgres", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    const opened: { close(): Promise<void> }[] = [];
    return {
      open: async () => {
        const index = await openIdentityIndex({ url, ledger });
        opened.push(index);
        return index;
      },
      dispose: async () => {
        for (const index of opened) await index.close();
      },
    };
  });
});
