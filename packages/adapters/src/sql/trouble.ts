import {
  GenerationMissing,
  ModelCorrupted,
  ModelUnavailable,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** The words and classes in which the stream or the models report their engine's troubles. */
export type Stored = Readonly<{
  name: string;
  unavailable: ErrorClass;
  corrupted: ErrorClass;
  missing: ErrorClass;
}>;

export const STREAM: Stored = {
  name: "event stream",
  unavailable: StreamUnavailable,
  corrupted: StreamCorrupted,
  missing: StreamMissing,
};

export const MODEL: Stored = {
  name: "read model",
  unavailable: ModelUnavailable,
  corrupted: ModelCorrupted,
  missing: GenerationMissing,
};

/** What is wrong, and what to do about it. */
export type Trouble = Readonly<{
  is: "unavailable" | "corrupted" | "missing";
  advice: string;
}>;

export const unavailable = (advice: string): Trouble => ({ is: "unavailable", advice });

export const LAID_OUT_OTHERWISE = unavailable(
  "another version of the program laid it out: a projector builds it anew",
);

/** An engine's error in the port's words: what, where, what was found, what to do. */
export function troubleError(
  stored: Stored,
  where: string,
  trouble: Trouble,
  cause: unknown,
): Error {
  const message = `the ${stored.name} in ${where}: ${wordsOf(cause)}: ${trouble.advice}`;
  return new stored[trouble.is](message, { cause });
}

/** Known by its fields: an error of the runtime is no instance of another realm's `Error`. */
type ErrorFields = Readonly<
  Partial<Record<"code" | "errcode" | "errno" | "errors" | "message" | "name" | "syscall", unknown>>
>;

export function fieldsOf(error: unknown): ErrorFields {
  return typeof error === "object" && error !== null ? error : {};
}

export function wordsOf(error: unknown): string {
  const { message, errors, code } = fieldsOf(error);
  // Both addresses of a host that were tried in vain make one error without words.
  if (message === "" && Array.isArray(errors)) return errors.map(wordsOf).join("; ");
  return String(message || code || error);
}
