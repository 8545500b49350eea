/**
 * An event as stored on the stream (see docs/stream-format.md). `data` holds the stored bytes as text,
 * never parsed and printed again, since the hash chain covers them.
 */
export type RecordedEvent = Readonly<{
  /** 1, 2, 3 … without gaps. */
  position: number;
  id: string;
  type: string;
  schema_version: number;
  subject: string;
  /** The provider's time; null where it gave none. */
  occurred_at: bigint | null;
  /** When it was appended; never decreases along the stream. */
  recorded_at: bigint;
  /** The delivery that caused it. */
  causation_id: string | null;
  correlation_id: string | null;
  data: string;
  /** 64 hex digits. */
  hash: string;
}>;

/** An event to be appended; the stream assigns position, recording time and hash. */
export type NewEvent = Omit<RecordedEvent, "position" | "recorded_at" | "hash"> &
  Readonly<{
    /** The fact that an amendment amends, by which a look-up finds the amendment. */
    about: string | null;
    /** For an imported event: when it was first recorded. The stream keeps that time. */
    recorded_at?: bigint;
  }>;
