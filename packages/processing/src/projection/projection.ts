import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { ACCOUNT_BYTES_MAX } from "@counterfoil/contracts/scalar";
import { cutText } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import { closeAnomaly, openAnomaly } from "../models/anomaly-rows.ts";
import { STOPPED } from "../models/columns.ts";
import type { Checkpoint, ModelStore, Table } from "../ports/model-store.ts";
import { createRowBuffer, type RowBuffer } from "./row-buffer.ts";

/** A read model: its tables, and how events change them. The same for live folding and rebuilds. */
export interface Projection {
  readonly model: ModelName;
  /** Raised whenever the same events may give other rows. */
  readonly version: number;
  readonly tables: readonly Table[];
  /** Types of events that may change it; the others only move its checkpoint. */
  readonly types: ReadonlySet<string>;
  /** @param isDigested false: the store is thrown away, and nobody asks for its digests. */
  open(store: ModelStore, hashing: Hashing, isDigested?: boolean): Promise<ProjectionSession>;
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

/**
 * Rows of a hot key that changed are passed over by each that looks for its neighbours, until they are
 * committed: so many cost about as much as a commit does.
 */
const PASSED_OVER_MAX = 4000;

/** Folds into one generation: rows, checkpoint and digests in one commit. */
export async function openSession(
  store: ModelStore,
  hashing: Hashing,
  openFold: (context: FoldContext) => Fold | Promise<Fold>,
  isDigested = true,
): Promise<ProjectionSession> {
  let checkpoint = await store.checkpoint();
  let applied = { position: checkpoint.position, hash: checkpoint.hash };
  let uncommitted = 0;
  const buffer = createRowBuffer(store, checkpoint, hashing, isDigested);
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
    const isMuch =
      uncommitted >= commitEvery ||
      buffer.textLength() > BUFFERED_MAX ||
      buffer.passedOver() > PASSED_OVER_MAX;
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

/**
 * Subjects that a fact could not be projected into: the fold failed, or the engine does not take its
 * rows. The fact and those after it wait; everything else goes on.
 */
interface StoppedSubjects {
  has(subject: string): boolean;
  stop(event: RecordedEvent, error: unknown): Promise<void>;
  /** A further event of a stopped subject. */
  wait(event: RecordedEvent): Promise<void>;
  clear(subject: string, position: number): Promise<void>;
  subjects(): readonly StoppedSubject[];
}

/** Its `subjectName`, and where its first event lies that could not be projected. */
export type StoppedSubject = Readonly<{ subject: string; position: number }>;

/**
 * What a subject is called in keys of our own: by itself, or, where it may be too long to be a key, by
 * its beginning and its digest. Old ledgers hold such subjects.
 */
export function subjectName(subject: string, hashing: Hashing): string {
  // A character takes three bytes at most: nearly every subject is short enough at a glance.
  if (3 * subject.length <= ACCOUNT_BYTES_MAX) return subject;
  const isShort = subject.length <= ACCOUNT_BYTES_MAX;
  if (isShort && encoder.encode(subject).length <= ACCOUNT_BYTES_MAX) return subject;
  return `${cutText(subject, 60)}#${hashing.sha256(subject)}`;
}

const encoder = new TextEncoder();

const ERROR_LENGTH_MAX = 1000;

/** What went wrong, in words that any log and any column takes. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return cutText(text, ERROR_LENGTH_MAX).replaceAll("\0", "\ufffd");
}

async function openStopped(
  store: ModelStore,
  buffer: RowBuffer,
  hashing: Hashing,
): Promise<StoppedSubjects> {
  const stored = await store.select(STOPPED, { orderBy: ["subject"], limit: 1_000_000 });
  const subjects = new Map(
    stored.map(({ subject, position }) => [String(subject), Number(position)]),
  );
  // One subject may be stopped in several models, and an anomaly's id is its own among all of them.
  const anomalyId = (subject: string): string => `stopped:${subject}:${store.model}`;
  return {
    has: (subject) => subjects.size > 0 && subjects.has(subjectName(subject, hashing)),
    async stop(event, error) {
      const { position, type } = event;
      const subject = subjectName(event.subject, hashing);
      const text = errorText(error);
      subjects.set(subject, position);
      buffer.put(STOPPED, { subject, position, type, error: text, waiting: 1 }, null);
      const detail = { type, position: String(position), error: text };
      const id = anomalyId(subject);
      const content = { id, kind: "stopped", subject, detail, essence: {}, at: event.recorded_at };
      await openAnomaly(buffer, content, { position, deliveryId: null });
    },
    async wait(event) {
      const row = await buffer.get(STOPPED, [subjectName(event.subject, hashing)]);
      if (row !== null) {
        buffer.put(STOPPED, { ...row, waiting: Number(row.waiting) + 1 }, row);
      }
    },
    async clear(subject, position) {
      const row = await buffer.get(STOPPED, [subject]);
      if (row !== null) buffer.remove(STOPPED, row, row);
      await closeAnomaly(buffer, anomalyId(subject), { position, deliveryId: null });
      subjects.delete(subject);
    },
    subjects: () => [...subjects].map(([subject, position]) => ({ subject, position })),
  };
}
