import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Checkpoint, ModelStore } from "../ports/model-store.ts";
import type { Table } from "../ports/table.ts";
import { createRowBuffer, type RowBuffer } from "./row-buffer.ts";
import { openStopped, type StoppedSubjects } from "./stopped.ts";

/** A read model: its tables, and how events change them. The same for live folding and rebuilds. */
export interface Projection {
  readonly model: ModelName;
  /** Raised whenever the same events may give other rows. */
  readonly version: number;
  readonly tables: readonly Table[];
  /** Types of events that may change it; the others only move its checkpoint. */
  readonly types: ReadonlySet<string>;
  open(store: ModelStore, hashing: Hashing): Promise<ProjectionSession>;
}

/**
 * Done already, or still to be waited for. Nearly every event meets what is in memory, and a million
 * promises that wait for nothing would cost a third of a rebuild.
 */
export type Work = undefined | Promise<void>;

/** One generation of a model being folded, by the one holder of its lock. */
export interface ProjectionSession {
  /** The last commit. */
  readonly checkpoint: Checkpoint;
  readonly stopped: StoppedSubjects;
  /** Folds one event in memory. Events come in order, each when the one before it is done. */
  apply(event: RecordedEvent): Work;
  /** Goes past an event without folding it. */
  pass(event: RecordedEvent): void;
  /** Makes everything applied durable. */
  commit(): Promise<Checkpoint>;
}

/** What a model makes of events: rows in a buffer. */
export type Fold = Readonly<{
  apply(event: RecordedEvent): Work;
  /** Puts into the buffer what the model itself still holds. */
  flush?: () => Work;
  /** Events between two commits at the most, whatever a projector or a rebuild asks for. */
  commitEvery?: number;
}>;

export type FoldContext = Readonly<{
  buffer: RowBuffer;
  /** Makes everything applied so far durable, in the middle of an event too. */
  commit: () => Promise<Checkpoint>;
}>;

/** A short event may change long rows; ten thousand ordinary events stay below it. */
const BUFFERED_MAX = 48 * 1024 * 1024;

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
  const stopped = await openStopped(store, buffer, hashing);
  const fold = await openFold({ buffer, commit });
  const commitEvery = fold.commitEvery ?? Number.POSITIVE_INFINITY;

  /** An event of a stopped subject that is tried again lies behind. */
  function pass({ position, hash }: RecordedEvent): void {
    if (position > applied.position) applied = { position, hash };
  }

  function finish(event: RecordedEvent): Work {
    pass(event);
    uncommitted += 1;
    const isMuch = uncommitted >= commitEvery || buffer.textLength() > BUFFERED_MAX;
    const isDue = isMuch && applied.position === event.position;
    return isDue ? commit().then(() => undefined) : undefined;
  }

  async function commit(): Promise<Checkpoint> {
    await fold.flush?.();
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
      return work === undefined ? finish(event) : work.then(() => finish(event));
    },
    pass,
    commit,
  };
}
