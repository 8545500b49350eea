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
  find(ids: readonly string[], upTo: number): Promise<ReadonlyMap<string, FoundPositions>>;

  /** Positions of these indexed types after `after` and up to `upTo`: `limit` at most, in that order. */
  positionsOfTypes(query: PositionsQuery): Promise<readonly number[]>;

  /** Empties it, for a stream that is another one on purpose. */
  clear(): Promise<void>;
}

/** A position of the stream and the hash of the event there. */
export type IndexCheckpoint = Readonly<{ position: number; hash: string }>;

export type IndexEntry = Readonly<{
  position: number;
  id: string;
  /** The id of the event that this one amends. */
  amends: string | null;
  /** The type where it is indexed, see `indexedTypeOf`. */
  indexedType: string | null;
}>;

export type PositionsQuery = ReadRange & Readonly<{ types: readonly string[] }>;

/** The type of an event whose type is indexed; null for the bulk types. */
export function indexedTypeOf(type: string): string | null {
  return BULK_TYPES.has(type) ? null : type;
}

/** One step of catching up; each is one transaction of the index. */
const STEP_EVENTS = 500;

type Sources = Readonly<{ index: IdentityIndex; reader: StreamReader }>;

/**
 * Brings the index at least up to the stream's present head, which it returns. Several processes
 * may do so at once: each step goes to the one that is first.
 *
 * @throws StreamForked where the index followed another stream than this one.
 */
export async function catchUpIndex(sources: Sources): Promise<Head> {
  const { index, reader } = sources;
  // In this order: another process may move the checkpoint past a head that was read before it.
  const checkpoint = await index.checkpoint();
  // A leader that was just elected shows its last events a moment late.
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

/** What follows the checkpoint, read together with the event at it, which must be the same. */
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
