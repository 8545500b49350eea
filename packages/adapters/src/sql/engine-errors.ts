import {
  GenerationMissing,
  ModelCorrupted,
  ModelLaidOutOtherwise,
  ModelUnavailable,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** The name and error classes with which the stream or the models report engine errors. */
export type ErrorMapping = Readonly<{
  name: string;
  unavailable: ErrorClass;
  corrupted: ErrorClass;
  missing: ErrorClass;
  otherLayout: ErrorClass;
  /** What to do where a table or a column is missing. */
  otherLayoutAdvice: string;
  /** What to do about damage; the engine's advice if it is absent. */
  corruptedAdvice?: string;
}>;

export const STREAM: ErrorMapping = {
  name: "event stream",
  unavailable: StreamUnavailable,
  corrupted: StreamCorrupted,
  missing: StreamMissing,
  otherLayout: StreamCorrupted,
  otherLayoutAdvice: "somebody removed or renamed it: keep what is there, and restore a backup",
};

export const MODEL: ErrorMapping = {
  name: "read model",
  unavailable: ModelUnavailable,
  corrupted: ModelCorrupted,
  missing: GenerationMissing,
  otherLayout: ModelLaidOutOtherwise,
  otherLayoutAdvice: "another version of the program laid it out: a projector builds it anew",
};

/**
 * A model that is being built. It is discarded after any error, so its damage is not that of a model that is
 * served: the disk has to be looked after, not the data.
 */
export const UNFINISHED: ErrorMapping = {
  ...MODEL,
  name: "unfinished read model",
  corrupted: ModelUnavailable,
  corruptedAdvice: "look after the disk; what is built by half is thrown away",
};

/** The kind of an engine error, and what to do about it; null where that depends on what is stored. */
export type Trouble =
  | Readonly<{ is: "unavailable" | "corrupted" | "missing"; advice: string }>
  | Readonly<{ is: "otherLayout"; advice: null }>;

/** The engine cannot be used now, but may be later. */
export const unavailable = (advice: string): Trouble => ({ is: "unavailable", advice });

export const LAID_OUT_OTHERWISE: Trouble = { is: "otherLayout", advice: null };

/** Creates the port's error for an engine's error: what failed, where, the cause, what to do. */
export function troubleError(
  mapping: ErrorMapping,
  where: string,
  trouble: Trouble,
  cause: unknown,
): Error {
  const ofMapping = trouble.is === "corrupted" ? mapping.corruptedAdvice : undefined;
  const advice = ofMapping ?? trouble.advice ?? mapping.otherLayoutAdvice;
  const message = `the ${mapping.name} in ${where}: ${messageOf(cause)}: ${advice}`;
  return new mapping[trouble.is](message, { cause });
}

/** Errors are recognized by their fields: an error of another realm is no instance of `Error`. */
type ErrorFields = Readonly<
  Partial<Record<"code" | "errcode" | "errno" | "errors" | "message" | "name" | "syscall", unknown>>
>;

/** The fields of an error; none if it is no object. */
export function fieldsOf(error: unknown): ErrorFields {
  return typeof error === "object" && error !== null ? error : {};
}

/** What an error says: its message, else its code. */
export function messageOf(error: unknown): string {
  const { message, errors, code } = fieldsOf(error);
  // If connecting to all addresses of a host fails, Node throws one error without a message.
  if (message === "" && Array.isArray(errors)) return errors.map(messageOf).join("; ");
  return String(message || code || error);
}
