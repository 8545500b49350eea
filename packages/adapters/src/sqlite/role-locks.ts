import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import type { HeldLock, RoleLocks } from "@counterfoil/processing/ports/role-lock";
import { openLock, tryLock } from "./file-lock.ts";

/** How often a standby looks whether the holder is gone. */
const LOOK_EVERY_MS = 50;

/** The roles of one ledger on one machine: `<dataDir>/locks/<name>.lock`. */
export function createRoleLocks({ dataDir }: Readonly<{ dataDir: string }>): RoleLocks {
  const folder = join(resolve(dataDir), "locks");
  const open = (name: string) => {
    mkdirSync(folder, { recursive: true });
    return openLock(join(folder, `${encodeURIComponent(name)}.lock`));
  };
  return {
    tryAcquire: async (name) => {
      const lock = open(name);
      return holdOrClose(lock, () => tryLock(lock));
    },
    acquire: async (name, signal) => {
      if (signal.aborted) return null;
      const lock = open(name);
      return holdOrClose(lock, () => waitForLock(lock, signal));
    },
  };
}

async function waitForLock(lock: DatabaseSync, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (tryLock(lock)) return true;
    await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
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
    // The operating system takes the lock from nobody who lives.
    lost: new AbortController().signal,
    release: async () => {
      if (lock.isOpen) lock.close();
    },
  };
}
