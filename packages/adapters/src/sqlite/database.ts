import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

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

/** Only a URI can tell SQLite to write to a file but never to create it. */
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
