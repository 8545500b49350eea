import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Checkpoint, ModelStore } from "../ports/model-store.ts";
import type { ProjectionSession, Work } from "../projection/projection.ts";
import { createRowBuffer, type RowBuffer } from "../projection/row-buffer.ts";
import { openStopped } from "./stopped.ts";

/** What a model makes of events: rows in a buffer. */
export type Fold = Readonly<{
  apply(event: RecordedEvent): Work;
  /** Puts into the buffer what the model itself still holds. */
  flush?: () => void;
  /** Events between two commits at the most, whatever a projector or a rebuild asks for. */
  commitEvery?: number;
}>;

export type FoldContext = Readonly<{
  buffer: RowBuffer;
  /** Makes everything applied so far durable, in the middle of an event too. */
  commit: () => Promise<Checkpoint>;
}>;

/** Folds into one generation: rows, checkpoint and digests in one commit. */
export async function openSession(
  store: ModelStore,
  hashing: Hashing,
  openFold: (context: FoldContext) => Fold | Promise<Fold>,
): Promise<ProjectionSession> {
  let checkpoint = await store.checkpoint();
  let applied = { position: checkpoint.position, hash: checkpoint.hash };
  let uncommitted = 0;
  const buffer = createRowBuffer(store, checkpoint, hashing);
  const stopped = await openStopped(store, buffer);
  const fold = await openFold({ buffer, commit });
  const commitEvery = fold.commitEvery ?? Number.POSITIVE_INFINITY;

  /** An event of a stopped subject that is tried again lies behind. */
  function pass({ position, hash }: RecordedEvent): void {
    if (position > applied.position) applied = { position, hash };
  }

  function settle(event: RecordedEvent): Work {
    pass(event);
    uncommitted += 1;
    const isDue = uncommitted >= commitEvery && applied.position === event.position;
    return isDue ? commit().then(() => undefined) : undefined;
  }

  async function commit(): Promise<Checkpoint> {
    fold.flush?.();
    const isIdle = buffer.isEmpty() && applied.position === checkpoint.position;
    if (!isIdle) checkpoint = await buffer.commit(applied.position, applied.hash);
    uncommitted = 0;
    return checkpoint;
  }

  return {
    get checkpoint() {
      return checkpoint;
    },
    stopped,
    apply(event) {
      const work = fold.apply(event);
      return work === undefined ? settle(event) : work.then(() => settle(event));
    },
    pass,
    commit,
  };
}
