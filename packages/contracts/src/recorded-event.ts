/**
 * One event as it lies on the stream (see docs/stream-format.md). `data` holds the stored bytes as text, never
 * parsed and printed again, since the hash chain covers them.
 */
export type RecordedEvent = Readonly<{
  /** 1, 2, 3 … without holes. */
  position: number;
  id: string;
  type: string;
  schema_version: number;
  subject: string;
  /** The provider's time; null where it gave none. */
  occurred_at: bigint | null;
  /** When it was appended; never falls along the stream. */
  recorded_at: bigint;
  /** The delivery. */
  causation_id: string | null;
  correlation_id: string | null;
  data: string;
  /** 64 hex digits. */
  hash: string;
}>;

/** An event that is to be appended; the stream gives it position, time of recording and hash. */
export type NewEvent = Omit<RecordedEvent, "position" | "recorded_at" | "hash"> &
  Readonly<{
    /** The fact that an amendment is about, for the look-up of what is in force. */
    about: string | null;
    /** Of an event that is imported: when it was recorded at first. The stream then keeps that time. */
    recorded_at?: bigint;
  }>;
