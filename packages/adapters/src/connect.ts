import { join } from "node:path";
import type { Config } from "@counterfoil/contracts/config";
import type { StatusRecord } from "@counterfoil/contracts/record";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { RoleLocks } from "@counterfoil/processing/ports/role-lock";
import { systemClock } from "./node/clock.ts";
import { nodeHashing } from "./node/hashing.ts";
import { openEventStream } from "./sqlite/event-stream.ts";
import { openModelCatalogue } from "./sqlite/model-catalogue.ts";
import { createRoleLocks } from "./sqlite/role-locks.ts";

/** What one ledger is stored in, behind the ports; nobody else knows which engine it is. */
export type Backends = Readonly<{
  engine: StatusRecord["engine"];
  ledger: string;
  environment: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  clock: Clock;
  hashing: Hashing;
  close: () => Promise<void>;
}>;

/** `write` creates the stream where there is none; `read` neither creates nor appends. */
export type Access = "read" | "write";

/**
 * Opens the engine that the configuration names.
 *
 * @throws StreamMissing for `read` while nobody has created the stream;
 * @throws LedgerMismatch, FormatTooNew, StreamCorrupted when it must not be used;
 * @throws StreamUnavailable when it cannot be used just now.
 */
export async function connect(config: Config, access: Access): Promise<Backends> {
  const { COUNTERFOIL_LEDGER: ledger, COUNTERFOIL_ENVIRONMENT: environment } = config;
  const [clock, hashing] = [systemClock, nodeHashing];
  const dataDir = ledgerFolder(config);
  const readOnly = access === "read";
  const stream = await openEventStream({ dataDir, ledger, hashing, clock, readOnly });
  const catalogue = openModelCatalogue({ dataDir });
  return {
    engine: "sqlite",
    ledger,
    environment,
    stream,
    catalogue,
    locks: createRoleLocks({ dataDir }),
    clock,
    hashing,
    close: async () => {
      await catalogue.close();
      await stream.close();
    },
  };
}

/** Ledgers share nothing: each but the default has a folder of its own in the data folder. */
export function ledgerFolder({ COUNTERFOIL_DATA_DIR, COUNTERFOIL_LEDGER }: Config): string {
  return COUNTERFOIL_LEDGER === "default"
    ? COUNTERFOIL_DATA_DIR
    : join(COUNTERFOIL_DATA_DIR, COUNTERFOIL_LEDGER);
}
