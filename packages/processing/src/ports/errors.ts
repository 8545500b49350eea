/** The engine cannot be used just now (disk full, file read-only, connection lost); it may recover. */
export class StreamUnavailable extends Error {
  override readonly name = "StreamUnavailable";
}

/** The stored bytes contradict themselves; only a person can decide what to do. */
export class StreamCorrupted extends Error {
  override readonly name = "StreamCorrupted";
}

/**
 * A checkpoint lies past the head, or the event there has another hash: the stream is not the one
 * that was followed (a restored backup, a failover that lost commits).
 */
export class StreamForked extends Error {
  override readonly name = "StreamForked";
}

/** There is no stream yet at this place. An ingestor creates it; every other role waits. */
export class StreamMissing extends Error {
  override readonly name = "StreamMissing";
}

/** What lies there belongs to another ledger. */
export class LedgerMismatch extends Error {
  override readonly name = "LedgerMismatch";
}

/** It was laid out by a newer version of the program, which this one must not touch. */
export class FormatTooNew extends Error {
  override readonly name = "FormatTooNew";
}

/** A file is no export that can be imported here; the message names its first bad line. */
export class ExportRefused extends Error {
  override readonly name = "ExportRefused";
}

/** Heads cannot be signed by the key that is at hand; the message says what to put in its place. */
export class HeadKeyUnusable extends Error {
  override readonly name: string = "HeadKeyUnusable";
}

/** One append was given more than it may hold; smaller ones would be accepted. */
export class AppendTooLarge extends Error {
  override readonly name = "AppendTooLarge";
}

/** A file that a person named cannot be read or written; it may have nothing to do with the ledger. */
export class FileUnusable extends Error {
  override readonly name = "FileUnusable";
}

/** An event was appended whose id is on the stream already: its writer did not ask first. */
export class EventIdTaken extends Error {
  override readonly name = "EventIdTaken";
}

/**
 * @param ids those of the events that were to be appended
 * @param stored the first of them that is on the stream; null where one stands twice among them
 */
export function eventIdTaken(
  ids: readonly string[],
  stored: string | null,
  cause?: unknown,
): EventIdTaken {
  const id = stored ?? ids.find((id, at) => ids.indexOf(id) !== at);
  const where = stored === null ? "twice in one append" : "on the stream already";
  return new EventIdTaken(
    `event id ${id} is ${where}; nothing was appended: find the ids first, as of the head that you append to`,
    { cause },
  );
}

/** A read model cannot be used just now; it may recover. */
export class ModelUnavailable extends Error {
  override readonly name = "ModelUnavailable";
}

/** The stored rows of a generation contradict themselves; it can be rebuilt from the stream. */
export class ModelCorrupted extends Error {
  override readonly name = "ModelCorrupted";
}

/** There is no such generation of the model in this engine. */
export class GenerationMissing extends Error {
  override readonly name = "GenerationMissing";
}

/** Whether a generation is not there, or damaged, which is as good: only a rebuild helps. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof GenerationMissing || error instanceof ModelCorrupted;
}

const ENGINE_ERRORS = [
  StreamUnavailable,
  StreamCorrupted,
  StreamMissing,
  ModelUnavailable,
  ModelCorrupted,
  GenerationMissing,
  FormatTooNew,
];

/** Whether the engine failed, not the work that was given to it. */
export function isEngineError(error: unknown): boolean {
  return ENGINE_ERRORS.some((kind) => error instanceof kind);
}
