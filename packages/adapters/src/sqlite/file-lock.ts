import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "./database.ts";
import { type FileKind, isBusy, portError } from "./engine-error.ts";
import { whileBusy } from "./while-busy.ts";

/**
 * A lock is an empty SQLite file in an exclusive transaction. The operating system lets go of it
 * when the process dies, however it dies, and between the threads of one process SQLite itself
 * keeps the peace, which bare POSIX locks do not. In rollback mode, since a log would let readers in.
 */
export function openLock(file: string): DatabaseSync {
  return openDatabase(file, { mode: "create", pragmas: [], busyTimeoutMs: 0 });
}

/** Takes the lock until the connection closes. @returns whether it was free. */
export function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

/** Runs `work` while no other process or thread runs any under the same lock. */
export async function whileLocked<T>(file: string, kind: FileKind, work: () => T): Promise<T> {
  let lock: DatabaseSync | null = null;
  try {
    const opened = openLock(file);
    lock = opened;
    await whileBusy(() => opened.exec("BEGIN EXCLUSIVE"));
    return work();
  } catch (error) {
    throw portError(error, kind, file);
  } finally {
    lock?.close();
  }
}
