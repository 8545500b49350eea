import { existsSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Config } from "@counterfoil/contracts/config";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { KeyStore } from "@counterfoil/processing/ports/key-store";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { RoleLocks } from "@counterfoil/processing/ports/role-locks";
import type { Tracing } from "@counterfoil/processing/ports/tracing";
import { createHeadKeyFile, type HeadKeyFile } from "./node/keys.ts";
import { nodeHashing, systemClock } from "./node/runtime.ts";
import { tracing } from "./tracing.ts";

/**
 * `read` neither creates nor appends. `write` creates the stream if it does not exist. `ingest` is
 * `write` without blocking the event loop, which answers webhooks, on disk I/O.
 */
export type Access = "read" | "write" | "ingest";

/** An open engine: SQLite, PostgreSQL, or EventStoreDB with PostgreSQL. */
type Engine = Readonly<{
  engine: StatusRecord["engine"];
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  keys: KeyStore;
  /** Checks the stream's files, or its layout on a server. @returns the defects found; none if the engine has no such check */
  integrity: () => Promise<readonly string[]>;
  close: () => Promise<void>;
}>;

/** Logs repairs of stored files at opening, and repairs that were not possible. */
type EngineLogger = Readonly<{
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}>;

/** The ports of one ledger. Their users do not depend on the engine. */
export type Backends = Engine &
  Readonly<{
    ledger: string;
    environment: string;
    clock: Clock;
    hashing: Hashing;
    /** Signs heads of the ledger. */
    signer: HeadKeyFile;
    tracing: Tracing;
  }>;

/**
 * Opens the configured engine.
 *
 * @throws StreamMissing for `read` until the stream has been created
 * @throws LedgerMismatch, FormatTooNew, StreamCorrupted, ConfigurationInvalid if it must not be used
 * @throws StreamUnavailable if it cannot be used now
 */
export async function connect(
  config: Config,
  access: Access,
  logger?: EngineLogger,
): Promise<Backends> {
  const { COUNTERFOIL_LEDGER: ledger, COUNTERFOIL_ENVIRONMENT: environment } = config;
  const [clock, hashing] = [systemClock, nodeHashing];
  const engine = await engineOf(config)({ config, access, clock, hashing, logger });
  const signer = createHeadKeyFile(headKeyFile(config));
  return { ...engine, ledger, environment, clock, hashing, signer, tracing };
}

type OpenEngine = (
  options: Readonly<{
    config: Config;
    access: Access;
    clock: Clock;
    hashing: Hashing;
    logger: EngineLogger | undefined;
  }>,
) => Promise<Engine>;

/** An incomplete configuration was refused before, so this never falls back to another engine. */
function engineOf(config: Config): OpenEngine {
  if (config.COUNTERFOIL_EVENTSTORE_URL !== undefined) return openEventstore;
  return config.COUNTERFOIL_POSTGRES_URL === undefined ? openSqlite : openPostgres;
}

// Each engine is imported when it is opened, so that a process loads only the driver that it uses.

/** SQLite, for one process: everything is in files of one folder. */
const openSqlite: OpenEngine = async ({ config, access, clock, hashing, logger }) => {
  const { openEventStream } = await import("./sqlite/event-stream.ts");
  const { openModelCatalogue } = await import("./sqlite/model-catalogue.ts");
  const { createRoleLocks } = await import("./sqlite/role-locks.ts");
  const { openKeyStore } = await import("./sqlite/key-store.ts");
  const { checkStreamFile } = await import("./sqlite/stream-file.ts");
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
  const locks = createRoleLocks({ dataDir });
  const keys = openKeyStore({ dataDir });
  const integrity = async () => checkStreamFile(join(dataDir, "stream.db"));
  const close = closing(catalogue, stream);
  return { engine: "sqlite", stream, catalogue, locks, keys, integrity, close };
};

/** The file of the key that signs heads: in the ledger's folder unless it is configured. */
const headKeyFile = (config: Config): string =>
  config.COUNTERFOIL_HEAD_KEY_FILE ?? join(ledgerFolder(config), "head.key");

/** Whether a path is of a file that the installation keeps: a ledger, a read model, a lock or a key. */
export function isOfInstallation(config: Config, path: string): boolean {
  const target = realPath(path);
  if (target.startsWith(realPath(headKeyFile(config)))) return true;
  return KEPT.test(relative(realPath(config.COUNTERFOIL_DATA_DIR), target));
}

/** Without links, if it exists. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : resolve(path);
}

/** Relative to the data folder: in it, or in a ledger's own folder in it. */
const KEPT = /^((?!\.\.)[^/]+\/)?((stream|keys)\.db|head\.key|(models|locks)\/)/;

/** The ledger's folder. Ledgers share nothing: all except the default have their own folder in the data folder. */
export function ledgerFolder({ COUNTERFOIL_DATA_DIR, COUNTERFOIL_LEDGER }: Config): string {
  return COUNTERFOIL_LEDGER === "default"
    ? COUNTERFOIL_DATA_DIR
    : join(COUNTERFOIL_DATA_DIR, COUNTERFOIL_LEDGER);
}

/** PostgreSQL: stream, read models and locks are in schemas of one database. */
const openPostgres: OpenEngine = async ({ config, access, clock, hashing }) => {
  const { openEventStream } = await import("./postgres/event-stream.ts");
  const { openModelCatalogue } = await import("./postgres/model-catalogue.ts");
  const { createRoleLocks } = await import("./postgres/role-locks.ts");
  const { openKeyStore } = await import("./postgres/key-store.ts");
  const { findOtherLayout } = await import("./postgres/stream-layout.ts");
  const { COUNTERFOIL_POSTGRES_URL: url = "", COUNTERFOIL_LEDGER: ledger } = config;
  const readOnly = access === "read";
  const stream = await openEventStream({ url, ledger, hashing, clock, readOnly });
  const catalogue = openModelCatalogue({ url, ledger });
  const locks = createRoleLocks({ url, ledger });
  const keys = openKeyStore({ url, ledger });
  // The server checks its pages when it reads them, with data checksums.
  const integrity = () => findOtherLayout({ url, ledger });
  const close = closing(keys, catalogue, stream);
  return { engine: "postgres", stream, catalogue, locks, keys, integrity, close };
};

/** EventStoreDB for the stream; read models, locks and the id index are in PostgreSQL. */
const openEventstore: OpenEngine = async ({ config, access, clock, hashing, logger }) => {
  const { openEventStream } = await import("./eventstore/event-stream.ts");
  const { openIdentityIndex } = await import("./postgres/identity-index.ts");
  const { openModelCatalogue } = await import("./postgres/model-catalogue.ts");
  const { createRoleLocks } = await import("./postgres/role-locks.ts");
  const { openKeyStore } = await import("./postgres/key-store.ts");
  const {
    COUNTERFOIL_EVENTSTORE_URL: url = "",
    COUNTERFOIL_POSTGRES_URL: postgres = "",
    COUNTERFOIL_LEDGER: ledger,
  } = config;
  const index = await openIdentityIndex({ url: postgres, ledger });
  const readOnly = access === "read";
  const options = { url, ledger, hashing, clock, index, readOnly, logger };
  const stream = await openEventStream(options).catch(async (error) => {
    await index.close();
    throw error;
  });
  const catalogue = openModelCatalogue({ url: postgres, ledger });
  const locks = createRoleLocks({ url: postgres, ledger });
  const keys = openKeyStore({ url: postgres, ledger });
  const close = closing(keys, catalogue, stream, index);
  return { engine: "eventstore", stream, catalogue, locks, keys, integrity: NOTHING_FOUND, close };
};

/** For a server that checks what it stores. */
const NOTHING_FOUND = async (): Promise<readonly string[]> => [];

/**
 * Closes the parts in order; dependent parts come first. One that fails does not leave the others open;
 * the first error is thrown when all have been tried.
 */
export const closing =
  (...parts: readonly Readonly<{ close(): Promise<void> }>[]) =>
  async (): Promise<void> => {
    const errors: unknown[] = [];
    for (const part of parts) await part.close().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  };
