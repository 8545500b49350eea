import {
  ModelCorrupted,
  ModelUnavailable,
  StreamCorrupted,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** The words and classes in which one kind of file reports its engine's troubles. */
export type FileKind = Readonly<{ name: string; unavailable: ErrorClass; corrupted: ErrorClass }>;

export const STREAM_FILE: FileKind = {
  name: "event stream",
  unavailable: StreamUnavailable,
  corrupted: StreamCorrupted,
};

export const MODEL_FILE: FileKind = {
  name: "read model",
  unavailable: ModelUnavailable,
  corrupted: ModelCorrupted,
};

type Trouble = Readonly<{ is: "busy" | "unavailable" | "corrupted"; advice: string }>;

const HELD = "another process holds it; find out which, and end it or wait";
const DISK = "look after the disk; it goes on by itself";
const DAMAGED = "keep the file, and restore it from a backup or rebuild it";

/** By SQLite's primary result code. What is missing here is a mistake in this program. */
const TROUBLES: Readonly<Record<number, Trouble>> = {
  /* PERM */ 3: { is: "unavailable", advice: "give this user the right to it" },
  /* BUSY */ 5: { is: "busy", advice: HELD },
  /* LOCKED */ 6: { is: "busy", advice: HELD },
  /* NOMEM */ 7: { is: "unavailable", advice: "give the process more memory" },
  /* READONLY */ 8: { is: "unavailable", advice: "make it writable; it goes on by itself" },
  /* IOERR */ 10: { is: "unavailable", advice: DISK },
  /* CORRUPT */ 11: { is: "corrupted", advice: DAMAGED },
  /* FULL */ 13: { is: "unavailable", advice: "free some space; it goes on by itself" },
  /* CANTOPEN */ 14: { is: "unavailable", advice: "check that its folder is there and writable" },
  /* PROTOCOL */ 15: { is: "busy", advice: HELD },
  /* NOTADB */ 26: { is: "corrupted", advice: DAMAGED },
};

/** An error of SQLite or of the file system, in the port's words; any other as it is. */
export function portError(error: unknown, kind: FileKind, file: string): unknown {
  const trouble = troubleOf(error);
  if (trouble === null) return error;
  const ErrorOfPort = trouble.is === "corrupted" ? kind.corrupted : kind.unavailable;
  const message = `the ${kind.name} in ${file}: ${messageOf(error)}: ${trouble.advice}`;
  return new ErrorOfPort(message, { cause: error });
}

export function isBusy(error: unknown): boolean {
  return troubleOf(error)?.is === "busy";
}

/** Whether a row was refused because its key, or a value that must stand there once, is there. */
export function isUniqueViolation(error: unknown): boolean {
  return UNIQUE_VIOLATIONS.has(resultCode(error) ?? 0);
}

/** Extended result codes. */
const UNIQUE_VIOLATIONS: ReadonlySet<number> = new Set([/* PRIMARYKEY */ 1555, /* UNIQUE */ 2067]);

function troubleOf(error: unknown): Trouble | null {
  const code = resultCode(error);
  // The low byte of an extended result code is the primary one.
  if (code !== null) return TROUBLES[code & 0xff] ?? null;
  return isSystemError(error) ? { is: "unavailable", advice: DISK } : null;
}

/** Told by its fields: an error of the runtime is no instance of another realm's `Error`. */
function resultCode(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return null;
  return typeof error.errcode === "number" ? error.errcode : null;
}

/** Whether the file system refused (EACCES, ENOSPC, EROFS …). */
function isSystemError(error: unknown): boolean {
  return typeof error === "object" && error !== null && "syscall" in error && "errno" in error;
}

function messageOf(error: unknown): string {
  const hasMessage = typeof error === "object" && error !== null && "message" in error;
  return String(hasMessage ? error.message : error);
}
