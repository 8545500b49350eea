import type { Head } from "@counterfoil/core/stream/chain";
import { StreamForked } from "@counterfoil/processing/ports/errors";
import { createBackoff } from "./backoff.ts";
import {
  type IdentityIndex,
  type IndexCheckpoint,
  type IndexEntry,
  rareTypeOf,
} from "./identity-index.ts";
import type { DecodedEvent } from "./stored-event.ts";
import type { StreamReader } from "./stream-reader.ts";
import type { Timing } from "./timing.ts";

/** One step of catching up; each is one transaction of the index. */
const STEP_EVENTS = 500;

type Sources = Readonly<{ index: IdentityIndex; reader: StreamReader; timing: Timing }>;

/**
 * Brings the index at least up to the stream's present head, which it returns. Several processes
 * may do so at once: each step goes to the one that is first.
 *
 * @throws StreamForked where the index followed another stream than this one.
 */
export async function catchUpIndex(sources: Sources): Promise<Head> {
  const { index, reader, timing } = sources;
  const until = performance.now() + timing.replicationMs;
  const pause = createBackoff(10);
  for (;;) {
    // In this order: another process may move the checkpoint past a head that was read before it.
    const checkpoint = await index.checkpoint();
    const head = await reader.head();
    if (checkpoint.position <= head.position) {
      await catchUpTo(sources, checkpoint, head);
      return head;
    }
    // A leader that was just elected shows its last events a moment late.
    if (performance.now() > until)
      throw forked(reader.stream, checkpoint, `ends at ${head.position}`);
    await pause();
  }
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

export function entryOf({ event: { position, id, type }, about }: DecodedEvent): IndexEntry {
  return { position, id, about, rareType: rareTypeOf(type) };
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
