import { BULK_TYPES } from "../sql/events.ts";

/**
 * Which identities are on the stream, and where. EventStoreDB finds events by revision alone, so
 * this index stands beside it and is caught up from the stream. It holds nothing of its own: it can
 * be thrown away at any time and is built again from position 1.
 */
export interface IdentityIndex {
  /** How far the stream is in here; position 0 and hash "" when nothing is. */
  checkpoint(): Promise<IndexCheckpoint>;

  /**
   * Adds the entries of the positions after `from.position` up to `to.position`, and moves the
   * checkpoint from `from` to `to`: both or neither. False, with nothing changed, where the
   * checkpoint is not (or no longer) `from`: another process was faster.
   */
  advance(
    from: IndexCheckpoint,
    to: IndexCheckpoint,
    entries: readonly IndexEntry[],
  ): Promise<boolean>;

  /**
   * Where these ids are, at positions up to `upTo` only. An id that stands on the stream twice is
   * at its first position.
   */
  find(ids: readonly string[], upTo: number): Promise<ReadonlyMap<string, IndexedId>>;

  /** The first `limit` positions of these rare types after `after` and up to `upTo`, in order. */
  rarePositions(query: RareQuery): Promise<readonly number[]>;

  /** Empties it, for a stream that is another one on purpose. */
  clear(): Promise<void>;
}

/** A position of the stream and the hash of the event there. */
export type IndexCheckpoint = Readonly<{ position: number; hash: string }>;

export type IndexEntry = Readonly<{
  position: number;
  id: string;
  /** The id that this event says something of. */
  about: string | null;
  /** The type where it is rare, see `rareTypeOf`. */
  rareType: string | null;
}>;

/** An event's position, and those of the events whose `about` names it, in order. */
export type IndexedId = Readonly<{ position: number; amendments: readonly number[] }>;

export type RareQuery = Readonly<{
  types: readonly string[];
  after: number;
  upTo: number;
  limit: number;
}>;

export const EMPTY_CHECKPOINT: IndexCheckpoint = { position: 0, hash: "" };

/** What an entry holds as `rareType`. */
export function rareTypeOf(type: string): string | null {
  return BULK_TYPES.has(type) ? null : type;
}
