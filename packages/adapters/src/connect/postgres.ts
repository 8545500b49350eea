import { openEventStream } from "../postgres/event-stream.ts";
import { openModelCatalogue } from "../postgres/model-catalogue.ts";
import { createRoleLocks } from "../postgres/role-locks.ts";
import type { OpenEngine } from "./engine.ts";

/** One server: stream, read models and locks in schemas of one database. */
export const openPostgres: OpenEngine = async ({ config, access, clock, hashing }) => {
  const { COUNTERFOIL_POSTGRES_URL: url = "", COUNTERFOIL_LEDGER: ledger } = config;
  const readOnly = access === "read";
  const stream = await openEventStream({ url, ledger, hashing, clock, readOnly });
  const catalogue = openModelCatalogue({ url, ledger });
  return {
    engine: "postgres",
    stream,
    catalogue,
    locks: createRoleLocks({ url, ledger }),
    close: async () => {
      await catalogue.close();
      await stream.close();
    },
  };
};
