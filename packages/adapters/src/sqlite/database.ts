import { existsSync, mkdirSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createBackoff, jitterAround } from "@counterfoil/processing/ports/retry";
import {
  type ErrorMapping,
  fieldsOf,
  LAID_OUT_OTHERWISE,
  messageOf,
  type Trouble,
  troubleError,
  unavailable,
} from "../sql/engine-errors.ts";

/** `create` creates a missing file; `write` and `read` require an existing one. */
export type OpenMode = "create" | "write" | "read";

/**
 * How long SQLite itself waits for another process's lock. It blocks this thread, so the timeout is
 * short; `whileBusy` waits longer without blocking.
 */
const BUSY_TIMEOUT_MS = 20;

/**
 * Page cache sizes, by the use of a connection. The operating system caches pages too, so a miss costs
 * microseconds. One process has about forty connections that read (eight for each model, one for the
 * stream in each thread) and five that write models; together they stay below 64 MiB. Four times as
 * much made neither appends nor rebuilds faster.
 */
export const PAGE_CACHE = {
  reading: "cache_size = -512",
  appending: "cache_size = -4096",
  projecting: "cache_size = -8192",
} as const;

/** Opens a file. Only `create` creates it if it does not exist. */
export function openDatabase(
  file: string,
  options: Readonly<{ mode: OpenMode; pragmas: readonly string[]; busyTimeoutMs?: number }>,
): DatabaseSync {
  const { mode, pragmas, busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
  if (mode === "read" && existsSync(`${file}-journal`)) rollBackLeft(file);
  const database = new DatabaseSync(mode === "write" ? existing(file) : file, {
    readOnly: mode === "read",
    timeout: busyTimeoutMs,
  });
  return orClose(database, () => {
    for (const pragma of pragmas) database.exec(`PRAGMA ${pragma}`);
    return database;
  });
}

/**
 * Takes back what a killed writer left half written before the file had a WAL. SQLite does that at the first
 * read, for which it has to write. If it cannot, the reader says so.
 */
function rollBackLeft(file: string): void {
  try {
    const database = new DatabaseSync(existing(file));
    orClose(database, () => database.prepare("SELECT count(*) FROM sqlite_schema").get());
    database.close();
  } catch {
    // The reader meets the same trouble.
  }
}

/** Prepares an opened database, and closes it if that fails, as it does if the file is damaged. */
export function orClose<T>(database: DatabaseSync, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Hides the parameter of a LIMIT or GLOB from the planner. If it sees one there, SQLite prepares the
 * statement again for each execution with other values: three quarters of the time of a selection of one
 * entry (34 µs, without it 8 µs).
 */
export const unplanned = (parameter: string): string => `+${parameter}`;

/** Only with a URI can SQLite open a file for writing without creating it. */
function existing(file: string): URL {
  const url = pathToFileURL(file);
  url.searchParams.set("mode", "rw");
  return url;
}

/**
 * Runs `work` in one transaction. `IMMEDIATE` takes the write lock first, so that what it reads cannot
 * be outdated when it writes; `DEFERRED` reads one snapshot while others write.
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

/** Rolls back, unless SQLite did so after the error; closes the connection if the rollback fails. */
export function rollBack(database: DatabaseSync): void {
  try {
    if (database.isOpen && database.isTransaction) database.exec("ROLLBACK");
  } catch {
    database.close();
  }
}

/** Creates a folder, and those that it lies in. */
export function createFolder(folder: string, mapping: ErrorMapping): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw portError(error, mapping, folder);
  }
}

const MISSING = "missing";

/** Identifies the file at a path, to detect that it was deleted or replaced. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? MISSING : `${stats.dev}:${stats.ino}`;
}

/** An open database, with the statements prepared on it. */
type Connection = Readonly<{ database: DatabaseSync }>;

export type ReconnectingConnection<C extends Connection> = Readonly<{
  /** Runs `work` on an open connection, and waits while others lock the file. @throws the port's errors */
  use<T>(work: (connection: C) => T): Promise<T>;
  /**
   * As `use`, for a read that a later `use` makes good: only that finds out whether the file was
   * replaced. To ask the file system takes as long as to read a row.
   */
  read<T>(work: (connection: C) => T): Promise<T>;
  close(): void;
}>;

type Options<C extends Connection> = Readonly<{
  file: string;
  mapping: ErrorMapping;
  /** The mode in which the file is opened the first time. */
  mode: OpenMode;
  /** Checks the write-ahead log as well as the file, because commits are acknowledged to clients. */
  watchesLog?: boolean;
  open: (mode: OpenMode) => C;
}>;

/**
 * A connection that recovers from errors of the disk. After an error that leaves the state of the
 * connection unknown, it is closed, and the next use opens another. A file that was opened once is
 * never created again: if it is missing, a new empty file would take the place of acknowledged data.
 *
 * If the write-ahead log was deleted, later commits go to a file without a name and are lost with the
 * process. Its content is then checkpointed into the database, which any connection opened before can
 * do, and all further use fails until all processes have closed the file.
 */
export function createReconnectingConnection<C extends Connection>(
  options: Options<C>,
): ReconnectingConnection<C> {
  const { file, mapping, watchesLog = false } = options;
  const log = `${file}-wal`;
  let { mode } = options;
  let current: Readonly<{ connection: C; identity: string; log: string }> | null = null;
  let closed = false;
  let lost: Error | null = null;

  function drop(): void {
    const database = current?.connection.database;
    current = null;
    if (database?.isOpen) database.close();
  }

  function connection(isChecked: boolean): C {
    if (closed) throw new Error(`the ${mapping.name} in ${file} was closed by this process`);
    if (lost !== null) throw lost;
    // Writes to a deleted or replaced file would be invisible to all other processes.
    if (isChecked && current !== null && current.identity !== identityOf(file)) drop();
    if (current === null) {
      const connection = options.open(mode);
      current = { connection, identity: identityOf(file), log: identityOf(log) };
      if (mode === "create") mode = "write";
    }
    return current.connection;
  }

  function checkLog(): void {
    if (!watchesLog || current === null || current.log === MISSING) return;
    const found = identityOf(log);
    if (found === current.log) return;
    // A log that replaced it may not belong to this database, so it is not checkpointed.
    const isSaved = found === MISSING && saveLog(current.connection.database);
    lost = logLost(mapping, log, isSaved);
    drop();
    throw lost;
  }

  async function run<T>(work: (connection: C) => T, isChecked: boolean): Promise<T> {
    try {
      return await whileBusy(() => {
        const opened = connection(isChecked);
        checkLog();
        const result = work(opened);
        // A commit during which the log was lost is not acknowledged.
        checkLog();
        return result;
      });
    } catch (error) {
      const ofPort = portError(error, mapping, file);
      if (ofPort !== error || current?.connection.database.isOpen === false) drop();
      throw ofPort;
    }
  }

  return {
    use: (work) => run(work, true),
    read: (work) => run(work, false),
    close: () => {
      closed = true;
      drop();
    },
  };
}

/**
 * @returns false if another connection uses the log, this one is read-only, or the disk is full; the
 *   next connection tries again
 */
function saveLog(database: DatabaseSync): boolean {
  try {
    return database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0;
  } catch {
    return false;
  }
}

function logLost(mapping: ErrorMapping, log: string, isSaved: boolean): Error {
  const saved = isSaved ? "what it held was saved; " : "";
  const advice = `${saved}end all processes of this ledger and start them again`;
  const found = new Error("the log was removed or replaced while it was open");
  return troubleError(mapping, log, unavailable(advice), found);
}

const BUSY = unavailable("another process holds it; find out which, and end it or wait");
const DISK = unavailable("look after the disk");
const FULL = unavailable("free some space");
const DAMAGED: Trouble = {
  is: "corrupted",
  advice: "keep the file; restore a stream from a backup, and rebuild a read model",
};
const FORBIDDEN = unavailable(
  "give this user the right to read and write it, or run as the user whose it is",
);

/** By SQLite's primary result code. A code that is not listed is a bug in this program. */
const TROUBLES: Readonly<Record<number, Trouble>> = {
  /* PERM */ 3: FORBIDDEN,
  /* BUSY */ 5: BUSY,
  /* LOCKED */ 6: BUSY,
  /* NOMEM */ 7: unavailable("give the process more memory"),
  /* READONLY */ 8: unavailable("make it writable"),
  /* IOERR */ 10: DISK,
  /* CORRUPT */ 11: DAMAGED,
  /* FULL */ 13: FULL,
  /* CANTOPEN */ 14: unavailable(
    "check that its folder is there, and that this user may read and write both",
  ),
  /* PROTOCOL */ 15: BUSY,
  /* NOTADB */ 26: DAMAGED,
};

/** By extended result code, where that says more. */
const EXTENDED_TROUBLES: Readonly<Record<number, Trouble>> = {
  /* IOERR_SHMSIZE: the index of a log needs 32 KiB on the disk. */ 4874: FULL,
};

/** Extended result codes. */
const UNIQUE_VIOLATIONS: ReadonlySet<number> = new Set([/* PRIMARYKEY */ 1555, /* UNIQUE */ 2067]);

/** Converts an error of SQLite or the file system to the port's; returns any other unchanged. */
export function portError(error: unknown, mapping: ErrorMapping, file: string): unknown {
  const trouble = troubleOf(error);
  return trouble === null ? error : troubleError(mapping, file, trouble, error);
}

/** Whether another connection has the file locked. */
export function isBusy(error: unknown): boolean {
  return troubleOf(error) === BUSY;
}

/** Whether a row was rejected because its key or another unique value exists. */
export function isUniqueViolation(error: unknown): boolean {
  return UNIQUE_VIOLATIONS.has(resultCode(error) ?? 0);
}

/** A table or a column is missing. */
const OTHER_LAYOUT = /^(?:no such (?:table|column): |table .+ has no column named )/;

/** A query names its index, and somebody dropped or changed it. */
const INDEX_LOST = /^(?:no such index: |no query solution$)/;

/** By SQLite's message of an error that has no code of its own. */
const LAYOUT_TROUBLES: readonly (readonly [message: RegExp, trouble: Trouble])[] = [
  [OTHER_LAYOUT, LAID_OUT_OTHERWISE],
  [
    INDEX_LOST,
    {
      is: "corrupted",
      advice: "an index is missing or another: `counterfoil verify` names it, and says what to do",
    },
  ],
];

function troubleOf(error: unknown): Trouble | null {
  const code = resultCode(error);
  if (code === 1) {
    const message = messageOf(error);
    return LAYOUT_TROUBLES.find(([pattern]) => pattern.test(message))?.[1] ?? null;
  }
  // The low byte of an extended result code is the primary one.
  if (code !== null) return EXTENDED_TROUBLES[code] ?? TROUBLES[code & 0xff] ?? null;
  if (!isSystemError(error)) return null;
  return REFUSED.has(String(fieldsOf(error).code)) ? FORBIDDEN : DISK;
}

function resultCode(error: unknown): number | null {
  const { errcode } = fieldsOf(error);
  return typeof errcode === "number" ? errcode : null;
}

/** Error codes of the file system for missing permissions. */
const REFUSED: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** Whether the error comes from the file system (EACCES, ENOSPC, EROFS …). */
function isSystemError(error: unknown): boolean {
  const { syscall, errno } = fieldsOf(error);
  return syscall !== undefined && errno !== undefined;
}

const RETRY_TIMEOUT_MS = 5_000;
const RETRY = { delayMsMin: 1, delayMsMax: 25, jitter: jitterAround } as const;

/**
 * Runs `work`, and retries it for five seconds by default while another process locks the file: SQLite
 * has no queue of writers. The event loop is free between the attempts. Pauses are random, so that
 * processes that collided once do not collide again.
 */
export async function whileBusy<T>(work: () => T, timeoutMs = RETRY_TIMEOUT_MS): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  const backoff = createBackoff(RETRY);
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await wait(backoff.next());
  }
}
