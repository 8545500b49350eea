import { join } from "node:path";
import type { Config } from "@counterfoil/contracts/config";
import { openEventStream } from "../sqlite/event-stream.ts";
import { openModelCatalogue } from "../sqlite/model-catalogue.ts";
import { createRoleLocks } from "../sqlite/role-locks.ts";
import type { OpenEngine } from "./engine.ts";

/** One process: everything in files of a folder. */
export const openSqlite: OpenEngine = async ({ config, access, clock, hashing, logger }) => {
  const dataDir = ledgerFolder(config);
  const stream = await openEventStream({
    dataDir,
    ledger: config.COUNTERFOIL_LEDGER,
    hashing,
    clock,
    readOnly: access === "read",
    ownThread: access === "ingest",
    logger,
  });
  const catalogue = openModelCatalogue({ dataDir });
  return {
    engine: "sqlite",
    stream,
    catalogue,
    locks: createRoleLocks({ dataDir }),
    close: async () => {
      await catalogue.close();
      await stream.close();
    },
  };
};

/** Ledgers share nothing: each but the default has a folder of its own in the data folder. */
export function ledgerFolder({ COUNTERFOIL_DATA_DIR, COUNTERFOIL_LEDGER }: Config): string {
  return COUNTERFOIL_LEDGER === "default"
    ? COUNTERFOIL_DATA_DIR
    : join(COUNTERFOIL_DATA_DIR, COUNTERFOIL_LEDGER);
}
