import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { isEngineError, StreamCorrupted, StreamForked } from "./ports/errors.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { Checkpoint } from "./ports/model-store.ts";

/**
 * Checks that a stream is the one that was followed, and intact: a backup may have been restored while
 * it is followed, a failover may have lost commits, a file may be damaged.
 */

/** @throws StreamForked if the checkpoint is beyond the head, or the event at it has another hash */
export async function checkNotForked(
  stream: EventStream,
  { position, hash }: Pick<Checkpoint, "position" | "hash">,
  who: string,
): Promise<void> {
  if (position === 0) return;
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  if (event?.position === position && event.hash === hash) return;
  const found = event ? `hash ${event.hash}` : `head ${(await stream.head()).position}`;
  throw new StreamForked(
    `${who} has followed a stream to position ${position} with hash ${hash}, and this stream has ${found} there: if the stream was restored from a backup, rebuild ${who}`,
  );
}

/** Whether a checkpoint is on this stream; if not, its store has to be rebuilt. */
export async function isOnStream(
  stream: EventStream,
  checkpoint: Pick<Checkpoint, "position" | "hash">,
): Promise<boolean> {
  try {
    await checkNotForked(stream, checkpoint, "a checkpoint");
    return true;
  } catch (error) {
    if (error instanceof StreamForked) return false;
    throw error;
  }
}

type Following = Readonly<{
  stream: EventStream;
  hashing: Hashing;
  /** The follower's name in error messages. */
  who: string;
}>;

/**
 * Checks that the events read after a checkpoint continue from it: the stream may be replaced while it
 * is followed (a restored backup, a failover that lost commits). Costs one hash a batch, or a read of
 * the head if nothing was read; only a mismatch needs more reads.
 *
 * @throws StreamForked if the checkpoint is not on this stream any more
 * @throws StreamCorrupted if it is, but the next event does not follow from it
 */
export async function checkStillFollows(
  { stream, hashing, who }: Following,
  checkpoint: Checkpoint,
  read: readonly RecordedEvent[],
): Promise<void> {
  const { position, hash } = checkpoint;
  if (position === 0) return;
  const [next] = read;
  if (next === undefined) {
    const head = await stream.head();
    if (head.position > position || (head.position === position && head.hash === hash)) return;
  } else if (chainHash(hash, next, hashing) === next.hash) return;
  await checkNotForked(stream, checkpoint, who);
  if (next === undefined) return;
  throw new StreamCorrupted(
    `position ${next.position}: found hash ${next.hash}, which does not follow from ${hash} at position ${position}: keep the stream, run \`counterfoil verify\`, and restore a backup`,
  );
}

type CheckEndsOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  hashing: Hashing;
  /** The number of last events to check. */
  tail?: number;
}>;

const TAIL = 1000;

/**
 * Checks the first event and the last ones against the hash chain. This is cheap at any length, and
 * detects a file that was truncated, exchanged or damaged near its end. `verifyStream` checks
 * everything.
 *
 * @throws StreamCorrupted naming the first bad position
 */
export async function checkEnds(options: CheckEndsOptions): Promise<void> {
  const { stream, ledger, hashing, tail = TAIL } = options;
  const { position: end } = await stream.head();
  if (end === 0) return;
  const first = await readFrom(stream, 0, 1);
  checkLinks(emptyHead(ledger, hashing), first, hashing);
  const before = Math.max(1, end - tail);
  const [anchor] = await readFrom(stream, before - 1, 1);
  if (anchor === undefined) throw missing(before);
  for (let last = headOf(anchor); last.position < end; ) {
    const page = await readFrom(stream, last.position, end - last.position);
    if (page.length === 0) throw missing(last.position + 1);
    last = checkLinks(last, page, hashing);
  }
}

async function readFrom(stream: EventStream, after: number, limit: number) {
  try {
    return await stream.read({ after, limit });
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const places = limit === 1 ? `position ${after + 1}` : `positions ${after + 1} and following`;
    throw new StreamCorrupted(`${places}: ${(error as Error).message}`, { cause: error });
  }
}

/** @returns the head after the last event */
function checkLinks(from: Head, events: readonly RecordedEvent[], hashing: Hashing): Head {
  let head = from;
  for (const event of events) {
    if (event.position !== head.position + 1) throw missing(head.position + 1);
    const expected = chainHash(head.hash, event, hashing);
    if (event.hash !== expected) {
      throw new StreamCorrupted(
        `position ${event.position}: found hash ${event.hash}, expected ${expected}: ${ADVICE}`,
      );
    }
    head = headOf(event);
  }
  return head;
}

function missing(position: number): StreamCorrupted {
  return new StreamCorrupted(`position ${position}: no event is there: ${ADVICE}`);
}

const ADVICE = "keep the file, run `counterfoil verify`, and restore a backup";
