import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash } from "@counterfoil/core/stream/chain";
import { checkNotForked } from "./folding.ts";
import { StreamCorrupted } from "./ports/errors.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { Checkpoint } from "./ports/model-store.ts";

export type Following = Readonly<{
  stream: EventStream;
  hashing: Hashing;
  /** Named where it has to stop. */
  who: string;
}>;

/**
 * Whether what was read after a checkpoint goes on from it: a stream may be exchanged for another
 * (a restored backup, a failover that lost commits) under who follows it. Costs one hash a batch, and
 * where nothing was read a look at the head; only what looks wrong is looked up.
 *
 * @throws StreamForked where the checkpoint is not on this stream any more;
 * @throws StreamCorrupted where it is, and the next event still does not follow from it.
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
