/** The engine cannot be used now (disk full, file read-only, connection lost); it may recover. */
export class StreamUnavailable extends Error {
  override readonly name = "StreamUnavailable";
}

/** The stored bytes are inconsistent; an operator has to decide what to do. */
export class StreamCorrupted extends Error {
  override readonly name = "StreamCorrupted";
}

/**
 * A checkpoint is beyond the head, or the event at it has another hash: the stream is not the one that
 * was followed (a restored backup, a failover that lost commits).
 */
export class StreamForked extends Error {
  override readonly name = "StreamForked";
}

/** The stream does not exist yet. An ingestor creates it; every other role waits. */
export class StreamMissing extends Error {
  override readonly name = "StreamMissing";
}

/** The stored data belongs to another ledger. */
export class LedgerMismatch extends Error {
  override readonly name = "LedgerMismatch";
}

/** The data was written by a newer version of the program, and this one must not change it. */
export class FormatTooNew extends Error {
  override readonly name = "FormatTooNew";
}

/** A file cannot be imported; the message names its first bad line. */
export class ExportRefused extends Error {
  override readonly name = "ExportRefused";
}

/** The configured key cannot sign heads; the message says what to replace it with. */
export class HeadKeyUnusable extends Error {
  override readonly name: string = "HeadKeyUnusable";
}

/** An append exceeds the engine's limits; smaller ones would be accepted. */
export class AppendTooLarge extends Error {
  override readonly name = "AppendTooLarge";
}

/** A file named by an operator cannot be read or written. It may be unrelated to the ledger. */
export class FileUnusable extends Error {
  override readonly name = "FileUnusable";
}

/** An appended event has an id that is already on the stream: its writer did not look it up first. */
export class EventIdTaken extends Error {
  override readonly name = "EventIdTaken";
}

/**
 * @param ids of the events to be appended
 * @param stored the first of them that is on the stream; null if the append itself repeats an id
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

/** A read model cannot be used now; it may recover. */
export class ModelUnavailable extends Error {
  override readonly name: string = "ModelUnavailable";
}

/** A generation has other tables or columns than this version of the program. */
export class ModelLaidOutOtherwise extends ModelUnavailable {
  override readonly name = "ModelLaidOutOtherwise";
}

/** The stored rows of a generation are inconsistent; it can be rebuilt from the stream. */
export class ModelCorrupted extends Error {
  override readonly name = "ModelCorrupted";
}

/** The engine has no such generation of the model. */
export class GenerationMissing extends Error {
  override readonly name = "GenerationMissing";
}

/** Whether a generation is missing or damaged; both need a rebuild. */
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

/** Whether the error is a failure of the engine, not of the work. */
export function isEngineError(error: unknown): boolean {
  return ENGINE_ERRORS.some((kind) => error instanceof kind);
}
