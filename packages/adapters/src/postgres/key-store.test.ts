import { describeKeyStoreContract } from "@counterfoil/processing/testing/key-store.contract";
import pg from "pg";
import { openKeyStore } from "./key-store.ts";
import { ledgerSchema } from "./server.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("API keys on PostgreSQL", (use) => {
  describeKeyStoreContract("postgres", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    return {
      open: async () => openKeyStore({ url, ledger }),
      lose: async () => {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        await client.query(`TRUNCATE "${ledgerSchema(ledger)}".api_keys`);
        await client.end();
      },
      dispose: async () => {},
    };
  });
});
