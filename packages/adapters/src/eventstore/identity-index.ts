import type { Head } from "@counterfoil/core/stream/chain";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import {
  BULK_TYPES,
  type FoundPositions,
  type ReadRange,
} from "@counterfoil/processing/ports/event-stream";
import type { DecodedEvent } from "./stored-event.ts";
import type { StreamReader } from "./stream-reader.ts";

/**
 * The positions of event ids on the stream. EventStoreDB finds events only by revision, so this index
 * is stored elsewhere and follows the stream. It can be dropped at any time, and is rebuilt from
 * position 1.
 */
export interface IdentityIndex {
  /** The last indexed event; position 0 and hash "" if the index is empty. */
  checkpoint(): Promise<IndexCheckpoint>;

  /**
   * Adds the entries of the positions after `from.position` up to `to.position`, and moves the
   * checkpoint from `from` to `to`, atomically.
   *
   * @returns false, with nothing changed, if the checkpoint is not (or no longer) `from`: another
   *   process was faster
   */
  advance(
    from: IndexCheckpoint,
    to: IndexCheckpoint,
    entries: readonly IndexEntry[],
  ): Promise<boolean>;

  /**
   * The positions of these ids, up to `upTo`. An id that is on the stream twice has its first position.
   */
  find(ids: readonly string[], upTo: number): Promise<ReadonlyMap<string, FoundPositions>>;

  /** The positions of these indexed types after `after` up to `upTo`: at most `limit`, in that order. */
  positionsOfTypes(query: PositionsQuery): Promise<readonly number[]>;

  /** Empties the index, for a stream that was replaced on purpose. */
  clear(): Promise<void>;
}

/** A position of the stream and the hash of the event at it. */
export type IndexCheckpoint = Readonly<{ position: number; hash: string }>;

export type IndexEntry = Readonly<{
  position: number;
  id: string;
  /** The id of the event that this one amends. */
  amends: string | null;
  /** The type if it is indexed, see `indexedTypeOf`. */
  indexedType: string | null;
}>;

export type PositionsQuery = ReadRange & Readonly<{ types: readonly string[] }>;

/** The type if it is indexed; null for bulk types. */
export function indexedTypeOf(type: string): string | null {
  return BULK_TYPES.has(type) ? null : type;
}

/** Number of events that one transaction adds to the index. */
const STEP_EVENTS = 500;

type Sources = Readonly<{ index: IdentityIndex; reader: StreamReader }>;

/**
 * Catches the index up at least to the stream's current head. Several processes may do so at once:
 * each step is done by the first of them.
 *
 * @returns that head
 * @throws StreamForked if the index followed another stream
 */
export async function catchUpIndex(sources: Sources): Promise<Head> {
  const { index, reader } = sources;
  // The checkpoint is read first, because another process may move it past a head read earlier.
  const checkpoint = await index.checkpoint();
  // A newly elected leader shows its last events with a short delay.
  const head = await reader.headReaching(checkpoint.position);
  if (checkpoint.position > head.position) {
    throw forked(reader.stream, checkpoint, `ends at ${head.position}`);
  }
  await catchUpTo(sources, checkpoint, head);
  return head;
}

async function catchUpTo(
  { index, reader }: Sources,
  start: IndexCheckpoint,
  head: Head,
): Promise<void> {
  for (let from = start; ; ) {
    if (from.position === head.position) return checkSame(reader.stream, from, head.hash);
    if (from.position > head.position) return;
    const { next, last } = await nextStep(reader, from, head.position);
    const to = { position: last.event.position, hash: last.event.hash };
    from = (await index.advance(from, to, next.map(entryOf))) ? to : await index.checkpoint();
  }
}

/** Reads the events after the checkpoint, and checks that the event at it is the indexed one. */
async function nextStep(reader: StreamReader, from: IndexCheckpoint, upTo: number) {
  const first = Math.max(1, from.position);
  const count = Math.min(STEP_EVENTS + 1, upTo - first + 1);
  const events = await reader.from(first, count);
  const next = from.position === 0 ? events : events.slice(1);
  const last = next.at(-1);
  if (last === undefined) throw forked(reader.stream, from, `ends before position ${upTo}`);
  if (from.position > 0) checkSame(reader.stream, from, events[0]?.event.hash);
  return { next, last };
}

export function entryOf({ event: { position, id, type }, amends }: DecodedEvent): IndexEntry {
  return { position, id, amends, indexedType: indexedTypeOf(type) };
}

function checkSame(stream: string, { position, hash }: IndexCheckpoint, found?: string): void {
  if (position === 0 || found === hash) return;
  throw forked(stream, { position, hash }, `has the hash ${found ?? "of no event"} there`);
}

function forked(stream: string, { position, hash }: IndexCheckpoint, found: string): StreamForked {
  return new StreamForked(
    `the index of known identities followed stream ${stream} up to position ${position} with the hash ${hash}, and the stream ${found}: it was restored or lost commits; rebuild the index once that is understood`,
  );
}
