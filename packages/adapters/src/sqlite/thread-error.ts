import {
  EventIdTaken,
  FormatTooNew,
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";

/** An error on its way between threads, where its class would be lost. */
export type PackedError = Readonly<{ name: string; message: string; stack: string | undefined }>;

const CLASSES = [
  StreamUnavailable,
  StreamCorrupted,
  StreamMissing,
  LedgerMismatch,
  FormatTooNew,
  EventIdTaken,
];

export function packError(error: unknown): PackedError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { name, message, stack };
}

/** An error of the port keeps its class; any other becomes a plain one with the thread's stack. */
export function unpackError({ name, message, stack }: PackedError): Error {
  const ErrorOfPort = CLASSES.find((each) => each.name === name) ?? Error;
  const error = new ErrorOfPort(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
