import { setTimeout as wait } from "node:timers/promises";
import { fieldsOf, type Stored, type Trouble, troubleError } from "../sql/trouble.ts";

const BUSY: Trouble = {
  is: "unavailable",
  advice: "another process holds it; find out which, and end it or wait",
};
const DISK: Trouble = {
  is: "unavailable",
  advice: "look after the disk; it goes on by itself",
};
const DAMAGED: Trouble = {
  is: "corrupted",
  advice: "keep the file, and restore it from a backup or rebuild it",
};
const unavailable = (advice: string): Trouble => ({ is: "unavailable", advice });

/** By SQLite's primary result code. What is missing here is a mistake in this program. */
const TROUBLES: Readonly<Record<number, Trouble>> = {
  /* PERM */ 3: unavailable("give this user the right to it"),
  /* BUSY */ 5: BUSY,
  /* LOCKED */ 6: BUSY,
  /* NOMEM */ 7: unavailable("give the process more memory"),
  /* READONLY */ 8: unavailable("make it writable; it goes on by itself"),
  /* IOERR */ 10: DISK,
  /* CORRUPT */ 11: DAMAGED,
  /* FULL */ 13: unavailable("free some space; it goes on by itself"),
  /* CANTOPEN */ 14: unavailable("check that its folder is there and writable"),
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
const LAID_OUT_OTHERWISE = unavailable(
  "another version of the program laid it out: a projector builds it anew",
);

function troubleOf(error: unknown): Trouble | null {
  const code = resultCode(error);
  if (code === 1 && error instanceof Error && OTHER_LAYOUT.test(error.message)) {
    return LAID_OUT_OTHERWISE;
  }
  // The low byte of an extended result code is the primary one.
  if (code !== null) return TROUBLES[code & 0xff] ?? null;
  return isSystemError(error) ? DISK : null;
}

function resultCode(error: unknown): number | null {
  const { errcode } = fieldsOf(error);
  return typeof errcode === "number" ? errcode : null;
}

/** Whether the file system refused (EACCES, ENOSPC, EROFS …). */
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
