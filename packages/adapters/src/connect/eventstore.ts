import { openEventStream } from "../eventstore/event-stream.ts";
import { openIdentityIndex } from "../postgres/identity-index.ts";
import { openModelCatalogue } from "../postgres/model-catalogue.ts";
import { createRoleLocks } from "../postgres/role-locks.ts";
import type { OpenEngine } from "./engine.ts";

/** A cluster: the stream in an event store; what follows from it, and the locks, on PostgreSQL. */
export const openEventstore: OpenEngine = async ({ config, access, clock, hashing }) => {
  const {
    COUNTERFOIL_EVENTSTORE_URL: url = "",
    COUNTERFOIL_POSTGRES_URL: postgres = "",
    COUNTERFOIL_LEDGER: ledger,
  } = config;
  const readOnly = access === "read";
  const index = await openIdentityIndex({ url: postgres, ledger });
  const stream = await openOrClose(index, () =>
    openEventStream({ url, ledger, hashing, clock, index, readOnly }),
  );
  const catalogue = openModelCatalogue({ url: postgres, ledger });
  return {
    engine: "eventstore",
    stream,
    catalogue,
    locks: createRoleLocks({ url: postgres, ledger }),
    close: async () => {
      await catalogue.close();
      await stream.close();
      await index.close();
    },
  };
};

async function openOrClose<T>(
  index: Readonly<{ close: () => Promise<void> }>,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await index.close();
    throw error;
  }
}
