import { mkdirSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import {
  fieldsOf,
  LAID_OUT_OTHERWISE,
  type Stored,
  type Trouble,
  troubleError,
  unavailable,
} from "../sql/trouble.ts";

/** `create` makes the file where it is missing; `write` and `read` need it to be there. */
export type OpenMode = "create" | "write" | "read";

/**
 * How long SQLite itself waits for another process's lock. It sleeps on this thread, so it is
 * kept short; longer waits are `whileBusy`'s.
 */
const BUSY_TIMEOUT_MS = 20;

/**
 * Memory for pages, by what a connection does: the system has them too, so a page that is not here
 * costs microseconds. Of those that read one process has some forty (of each model eight, of the
 * stream one a thread), and of models five that write: together they stay below 64 MiB. Four times
 * as much made neither appends nor rebuilds faster.
 */
export const PAGES_KEPT = {
  reading: "cache_size = -512",
  appending: "cache_size = -4096",
  projecting: "cache_size = -8192",
} as const;

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

const MISSING = "missing";

/** Which file lies at a path, so that one that was deleted or replaced is noticed. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? MISSING : `${stats.dev}:${stats.ino}`;
}

/** An open file, with whatever was prepared on it. */
type Connection = Readonly<{ database: DatabaseSync }>;

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
  /** What is committed was promised to somebody: the write-ahead log is watched like the file. */
  watchesLog?: boolean;
  open: (mode: OpenMode) => C;
}>;

/**
 * A connection that outlives the troubles of its disk. After an error that says nothing certain
 * about the connection's state it is dropped, and the next use opens another. A file that was
 * opened once is never created again: where it has vanished, an empty one in its place would
 * swallow what is acknowledged from then on.
 *
 * Where the log was taken away, what is committed from then on has no name on the disk, and is gone
 * with the process. What is in it is saved into the file, which every connection of before may do,
 * and nothing more is done until all processes have let go of it.
 */
export function createReconnectingConnection<C extends Connection>(
  options: Options<C>,
): ReconnectingConnection<C> {
  const { file, stored, watchesLog = false } = options;
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

  function connection(): C {
    if (closed) throw new Error(`the ${stored.name} in ${file} was closed by this process`);
    if (lost !== null) throw lost;
    // A connection to a file that was deleted or replaced would write where nobody reads.
    if (current !== null && current.identity !== identityOf(file)) drop();
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
    // Another one in its place is not ours to mix with the file.
    const isSaved = found === MISSING && saveLog(current.connection.database);
    lost = logLost(stored, log, isSaved);
    drop();
    throw lost;
  }

  return {
    use: async (work) => {
      try {
        return await whileBusy(() => {
          const opened = connection();
          checkLog();
          const result = work(opened);
          // What was committed meanwhile is not acknowledged either.
          checkLog();
          return result;
        });
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

/** @returns false where others are at it, a reader may not write, or the disk is full: the next one tries it */
function saveLog(database: DatabaseSync): boolean {
  try {
    return database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0;
  } catch {
    return false;
  }
}

function logLost(stored: Stored, log: string, isSaved: boolean): Error {
  const saved = isSaved ? "what it held was saved; " : "";
  const advice = `${saved}end all processes of this ledger and start them again`;
  const found = new Error("the log was removed or replaced while it was open");
  return troubleError(stored, log, unavailable(advice), found);
}

const BUSY = unavailable("another process holds it; find out which, and end it or wait");
const DISK = unavailable("look after the disk; it goes on by itself");
const DAMAGED: Trouble = {
  is: "corrupted",
  advice: "keep the file; restore a stream from a backup, and rebuild a read model",
};
const FORBIDDEN = unavailable(
  "give this user the right to read and write it, or run as the user whose it is",
);

/** By SQLite's primary result code. What is missing here is a mistake in this program. */
const TROUBLES: Readonly<Record<number, Trouble>> = {
  /* PERM */ 3: FORBIDDEN,
  /* BUSY */ 5: BUSY,
  /* LOCKED */ 6: BUSY,
  /* NOMEM */ 7: unavailable("give the process more memory"),
  /* READONLY */ 8: unavailable("make it writable; it goes on by itself"),
  /* IOERR */ 10: DISK,
  /* CORRUPT */ 11: DAMAGED,
  /* FULL */ 13: unavailable("free some space; it goes on by itself"),
  /* CANTOPEN */ 14: unavailable(
    "check that its folder is there, and that this user may read and write both",
  ),
  /* PROTOCOL */ 15: BUSY,
  /* NOTADB */ 26: DAMAGED,
};

/** Extended result codes. */
const UNIQUE_VIOLATIONS: ReadonlySet<number> = new Set([/* PRIMARYKEY */ 1555, /* UNIQUE */ 2067]);

/** An error of SQLite or of the file system, in the port's words; any other as it is. */
export function portError(error: unknown, stored: Stored, file: string): unknown {
  const trouble = troubleOf(error);
  return trouble === null ? error : troubleError(stored, file, trouble, error);
}

export function isBusy(error: unknown): boolean {
  return troubleOf(error) === BUSY;
}

/** Whether a row was refused because its key, or a value that must stand there once, is there. */
export function isUniqueViolation(error: unknown): boolean {
  return UNIQUE_VIOLATIONS.has(resultCode(error) ?? 0);
}

/** SQLite has no code of its own for it. */
const OTHER_LAYOUT = /^(?:no such (?:table|column): |table .+ has no column named )/;

function troubleOf(error: unknown): Trouble | null {
  const code = resultCode(error);
  if (code === 1 && error instanceof Error && OTHER_LAYOUT.test(error.message)) {
    return LAID_OUT_OTHERWISE;
  }
  // The low byte of an extended result code is the primary one.
  if (code !== null) return TROUBLES[code & 0xff] ?? null;
  if (!isSystemError(error)) return null;
  return REFUSED.has(String(fieldsOf(error).code)) ? FORBIDDEN : DISK;
}

function resultCode(error: unknown): number | null {
  const { errcode } = fieldsOf(error);
  return typeof errcode === "number" ? errcode : null;
}

/** Codes of the file system by which it says that somebody else may. */
const REFUSED: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** Whether the file system failed or refused (EACCES, ENOSPC, EROFS …). */
function isSystemError(error: unknown): boolean {
  const { syscall, errno } = fieldsOf(error);
  return syscall !== undefined && errno !== undefined;
}

const PATIENCE_MS = 5_000;
const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 25;

/**
 * Does `work`, again and again while another process holds the file, at most five seconds: SQLite
 * has no queue of writers. Between the attempts the event loop is free. The pauses are drawn at
 * random, so that processes that collided once do not go on in step.
 */
export async function whileBusy<T>(work: () => T, patienceMs = PATIENCE_MS): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await wait(pauseMs * (0.5 + Math.random()));
  }
}
