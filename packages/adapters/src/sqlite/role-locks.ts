import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { HeldLock, RoleLocks } from "@counterfoil/processing/ports/role-locks";
import { type ErrorMapping, STREAM } from "../sql/engine-errors.ts";
import { isBusy, openDatabase, portError, whileBusy } from "./database.ts";

/** How often a standby tries to take the lock. */
const RETRY_MS = 50;

/** Locks the roles of one ledger on one machine, with files `<dataDir>/locks/<name>.lock`. */
export function createRoleLocks({ dataDir }: Readonly<{ dataDir: string }>): RoleLocks {
  const folder = join(resolve(dataDir), "locks");
  async function hold(
    name: string,
    take: (lock: DatabaseSync) => boolean | Promise<boolean>,
  ): Promise<HeldLock | null> {
    const file = join(folder, `${encodeURIComponent(name)}.lock`);
    try {
      mkdirSync(folder, { recursive: true });
      const lock = openLock(file);
      return await holdOrClose(lock, () => take(lock));
    } catch (error) {
      throw portError(error, LOCK, file);
    }
  }

  return {
    tryAcquire: (name) => hold(name, tryLock),
    acquire: async (name, signal) =>
      signal.aborted ? null : hold(name, (lock) => waitForLock(lock, signal)),
  };
}

/** A lock file has no content to lose, so a damaged one counts as unavailable. */
const LOCK: ErrorMapping = { ...STREAM, name: "lock", corrupted: StreamUnavailable };

async function waitForLock(lock: DatabaseSync, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (tryLock(lock)) return true;
    await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

async function holdOrClose(
  lock: DatabaseSync,
  take: () => boolean | Promise<boolean>,
): Promise<HeldLock | null> {
  let held = false;
  try {
    held = await take();
    return held ? heldLock(lock) : null;
  } finally {
    if (!held) lock.close();
  }
}

function heldLock(lock: DatabaseSync): HeldLock {
  return {
    // A live process never loses the lock: the operating system keeps it until the file is closed.
    lost: new AbortController().signal,
    release: async () => {
      if (lock.isOpen) lock.close();
    },
  };
}

/**
 * A lock is an empty SQLite file in an exclusive transaction. The operating system releases it when
 * the process dies in any way, and SQLite itself excludes the threads of one process from each other,
 * which plain POSIX locks do not. The file is in rollback mode, because WAL would admit readers.
 */
function openLock(file: string): DatabaseSync {
  return openDatabase(file, { mode: "create", pragmas: [], busyTimeoutMs: 0 });
}

/** Takes the lock until the connection closes. @returns whether it was free */
function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

/** Runs `work` under a lock that excludes all other processes and threads. */
export async function whileLocked<T>(
  file: string,
  mapping: ErrorMapping,
  work: () => T,
): Promise<T> {
  let lock: DatabaseSync | null = null;
  try {
    const opened = openLock(file);
    lock = opened;
    await whileBusy(() => opened.exec("BEGIN EXCLUSIVE"));
    return work();
  } catch (error) {
    throw portError(error, mapping, file);
  } finally {
    lock?.close();
  }
}
