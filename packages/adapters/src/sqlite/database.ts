import { mkdirSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Stored } from "../sql/trouble.ts";
import { portError, whileBusy } from "./engine-error.ts";

/** `create` makes the file where it is missing; `write` and `read` need it to be there. */
export type OpenMode = "create" | "write" | "read";

/**
 * How long SQLite itself waits for another process's lock. It sleeps on this thread, so it is
 * kept short; longer waits are `whileBusy`'s.
 */
const BUSY_TIMEOUT_MS = 20;

export function openDatabase(
  file: string,
  options: Readonly<{ mode: OpenMode; pragmas: readonly string[]; busyTimeoutMs?: number }>,
): DatabaseSync {
  const { mode, pragmas, busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
  const database = new DatabaseSync(mode === "write" ? existing(file) : file, {
    readOnly: mode === "read",
    timeout: busyTimeoutMs,
  });
  try {
    for (const pragma of pragmas) database.exec(`PRAGMA ${pragma}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Only a URI lets SQLite write to a file but never create it. */
function existing(file: string): URL {
  const url = pathToFileURL(file);
  url.searchParams.set("mode", "rw");
  return url;
}

/**
 * Runs `work` in one transaction. `IMMEDIATE` takes the write lock first, so that nothing read in
 * it can be outdated when it writes; `DEFERRED` reads one moment beside any writer.
 */
export function inTransaction<T>(
  database: DatabaseSync,
  mode: "IMMEDIATE" | "DEFERRED",
  work: () => T,
): T {
  database.exec(`BEGIN ${mode}`);
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** After some errors SQLite has rolled back already; a rollback that fails ends with the connection. */
export function rollBack(database: DatabaseSync): void {
  try {
    if (database.isOpen && database.isTransaction) database.exec("ROLLBACK");
  } catch {
    database.close();
  }
}

export function createFolder(folder: string, stored: Stored): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw portError(error, stored, folder);
  }
}

/** Which file lies at a path, so that one that was deleted or replaced is noticed. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "missing" : `${stats.dev}:${stats.ino}`;
}

/** An open file, with whatever was prepared on it. */
export type Connection = Readonly<{ database: DatabaseSync }>;

export type ReconnectingConnection<C extends Connection> = Readonly<{
  /** Runs `work` on an open connection; waits while others hold the file; errors are the port's. */
  use<T>(work: (connection: C) => T): Promise<T>;
  close(): void;
}>;

type Options<C extends Connection> = Readonly<{
  file: string;
  stored: Stored;
  /** The mode of the first opening. */
  mode: OpenMode;
  open: (mode: OpenMode) => C;
}>;

/**
 * A connection that outlives the troubles of its disk. After an error that says nothing certain
 * about the connection's state it is dropped, and the next use opens another. A file that was
 * opened once is never created again: where it has vanished, an empty one in its place would
 * swallow what is acknowledged from then on.
 */
export function createReconnectingConnection<C extends Connection>(
  options: Options<C>,
): ReconnectingConnection<C> {
  const { file, stored } = options;
  let { mode } = options;
  let current: Readonly<{ connection: C; identity: string }> | null = null;
  let closed = false;

  function drop(): void {
    const database = current?.connection.database;
    current = null;
    if (database?.isOpen) database.close();
  }

  function connection(): C {
    if (closed) throw new Error(`the ${stored.name} in ${file} was closed by this process`);
    // A connection to a file that was deleted or replaced would write where nobody reads.
    if (current !== null && current.identity !== identityOf(file)) drop();
    if (current === null) {
      current = { connection: options.open(mode), identity: identityOf(file) };
      if (mode === "create") mode = "write";
    }
    return current.connection;
  }

  return {
    use: async (work) => {
      try {
        return await whileBusy(() => work(connection()));
      } catch (error) {
        const ofPort = portError(error, stored, file);
        if (ofPort !== error || current?.connection.database.isOpen === false) drop();
        throw ofPort;
      }
    },
    close: () => {
      closed = true;
      drop();
    },
  };
}
