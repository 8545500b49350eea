import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Checkpoint, ModelStore, Table } from "../ports/model-store.ts";
import { createRowBuffer, type RowBuffer } from "./row-buffer.ts";
import { openStopped, readStops, type StoppedSubjects, type Stops } from "./stopped.ts";

/**
 * A read model: its tables, and how events change them. Used by live folding and rebuilds alike.
 */
export interface Projection {
  readonly model: ModelName;
  /** Raised whenever the same events may result in other rows. */
  readonly version: number;
  readonly tables: readonly Table[];
  /** Types of events that may change it; others only advance its checkpoint. */
  readonly types: ReadonlySet<string>;
  open(store: ModelStore, hashing: Hashing, options?: SessionOptions): Promise<ProjectionSession>;
}

type SessionOptions = Readonly<{
  /** false if the store is temporary and its digests are not read. */
  isDigested?: boolean;
  /** Of a session that this one replaces, so that they are not read again. */
  stops?: Stops;
}>;

/**
 * The result of a step: undefined if it is done, else a promise. Nearly every event needs only rows
 * in memory, and a million promises without work would cost a third of a rebuild.
 */
export type Work = undefined | Promise<void>;

/** A session that folds events into one generation of a model, by the holder of its lock. */
export interface ProjectionSession {
  /** The checkpoint of the last commit. */
  readonly checkpoint: Checkpoint;
  readonly stopped: StoppedSubjects;
  /** Folds one event in memory. Events are applied in order, each after the one before is done. */
  apply(event: RecordedEvent): Work;
  /** Advances past an event without folding it. */
  pass(event: RecordedEvent): void;
  /** Makes everything applied durable. */
  commit(): Promise<Checkpoint>;
}

/** How a model folds events into rows of a buffer. */
export type Fold = Readonly<{
  apply(event: RecordedEvent): Work;
  /** Puts rows that the model still holds into the buffer. */
  flush?: () => Work;
  /** Maximum number of events between two commits, whatever a projector or a rebuild requests. */
  commitEvery?: number;
}>;

export type FoldContext = Readonly<{
  buffer: RowBuffer;
  /** Makes everything applied so far durable, even within an event. */
  commit: () => Promise<Checkpoint>;
  /** Writes what an event has changed so far if that is much, so that memory is bounded; see `ModelStore`. */
  stageIfLarge: () => Promise<void>;
}>;

/**
 * Maximum length of buffered text: a short event may change long rows; ten thousand ordinary events
 * stay below it.
 */
const BUFFERED_MAX = 16 * 1024 * 1024;

/** Opens a session whose commits contain rows, checkpoint and digests together. */
export async function openSession(
  store: ModelStore,
  hashing: Hashing,
  openFold: (context: FoldContext) => Fold | Promise<Fold>,
  { isDigested = true, stops }: SessionOptions = {},
): Promise<ProjectionSession> {
  let checkpoint = await store.checkpoint();
  let applied = { position: checkpoint.position, hash: checkpoint.hash };
  let uncommitted = 0;
  const buffer = createRowBuffer(store, checkpoint, hashing, isDigested);
  const stopped = openStopped(stops ?? (await readStops(store)), { store, buffer, hashing });
  const fold = await openFold({ buffer, commit, stageIfLarge });
  const commitEvery = fold.commitEvery ?? Number.POSITIVE_INFINITY;

  /** A retried event of a stopped subject is before the applied position. */
  function pass({ position, hash }: RecordedEvent): void {
    if (position > applied.position) applied = { position, hash };
  }

  function finish(event: RecordedEvent): Work {
    const isNew = event.position > applied.position;
    pass(event);
    uncommitted += 1;
    const isLarge = uncommitted >= commitEvery || isBufferFull();
    // All retried events of a subject share the commit that clears its stop.
    return isLarge && isNew ? commit().then(() => undefined) : undefined;
  }

  const isBufferFull = () => buffer.textLength() > BUFFERED_MAX;

  async function stageIfLarge(): Promise<void> {
    if (!isBufferFull()) return;
    await fold.flush?.();
    await buffer.stage();
  }

  async function commit(): Promise<Checkpoint> {
    await fold.flush?.();
    const isIdle = buffer.isEmpty() && applied.position === checkpoint.position;
    if (!isIdle) checkpoint = await buffer.commit(applied.position, applied.hash);
    stopped.keep();
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
