import type { Config } from "@counterfoil/contracts/config";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Access, Engine, EngineLogger, OpenEngine } from "./connect/engine.ts";
import { systemClock } from "./node/clock.ts";
import { nodeHashing } from "./node/hashing.ts";

/** What one ledger is stored in, behind the ports; nobody else knows which engine it is. */
export type Backends = Engine &
  Readonly<{ ledger: string; environment: string; clock: Clock; hashing: Hashing }>;

/** Loaded when it is the one: a process holds no driver that it does not use. */
const ENGINES = {
  sqlite: async () => (await import("./connect/sqlite.ts")).openSqlite,
  postgres: async () => (await import("./connect/postgres.ts")).openPostgres,
  eventstore: async () => (await import("./connect/eventstore.ts")).openEventstore,
} as const satisfies Readonly<Record<string, () => Promise<OpenEngine>>>;

/**
 * Opens the engine that the configuration names.
 *
 * @throws StreamMissing for `read` while nobody has created the stream;
 * @throws LedgerMismatch, FormatTooNew, StreamCorrupted, ConfigurationInvalid when it must not be used;
 * @throws StreamUnavailable when it cannot be used just now.
 */
export async function connect(
  config: Config,
  access: Access,
  logger?: EngineLogger,
): Promise<Backends> {
  const { COUNTERFOIL_LEDGER: ledger, COUNTERFOIL_ENVIRONMENT: environment } = config;
  const [clock, hashing] = [systemClock, nodeHashing];
  const open: OpenEngine = await ENGINES[engineOf(config)]();
  const engine = await open({ config, access, clock, hashing, logger });
  return { ...engine, ledger, environment, clock, hashing };
}

/** A configuration that is set by half was refused before, so nothing falls back to another engine. */
function engineOf(config: Config): keyof typeof ENGINES {
  if (config.COUNTERFOIL_EVENTSTORE_URL !== undefined) return "eventstore";
  return config.COUNTERFOIL_POSTGRES_URL === undefined ? "sqlite" : "postgres";
}
