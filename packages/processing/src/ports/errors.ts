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
