import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { ACCOUNT_BYTES_MAX } from "@counterfoil/contracts/scalar";
import { cutText } from "@counterfoil/core/exact/text";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { closeAnomaly, openAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALIES, STOPPED, STOPPED_KIND } from "../models/columns.ts";
import type { Checkpoint, ModelStore, Row, Rows, Table } from "../ports/model-store.ts";
import { createRowBuffer, type RowBuffer } from "./row-buffer.ts";

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

export type SessionOptions = Readonly<{
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

/**
 * Subjects with a fact that could not be projected: the fold failed, or the engine rejected its
 * rows. The fact and later ones of the subject wait; all other subjects continue.
 */
interface StoppedSubjects {
  /** As of the last commit. */
  readonly stops: Stops;
  has(subject: string): boolean;
  stop(event: RecordedEvent, error: unknown): Promise<void>;
  /** Records a further event of a stopped subject. */
  wait(event: RecordedEvent): Promise<void>;
  /** Records why a subject failed again. @returns its stop if the reason is new, else null */
  failAgain(subject: string, error: unknown): Promise<SubjectStop | null>;
  clear(subject: string, position: number): Promise<void>;
  /** Called after a commit. */
  keep(): void;
}

/** Stopped subjects by name, each with the position of its stop, in the order in which they are stored. */
export type Stops = Map<string, number>;

/** A stopped subject with the event at which it stopped and the reason. */
export type SubjectStop = StoppedSubject & Readonly<{ type: string; error: string }>;

/**
 * A subject by its `subjectName`, and the position of its first event that could not be projected.
 */
export type StoppedSubject = Readonly<{ subject: string; position: number }>;

/**
 * The name of a subject in keys: the subject itself, or, if it may be too long for a key, its
 * beginning and its digest. Old ledgers have such subjects.
 */
export function subjectName(subject: string, hashing: Hashing): string {
  // A character takes at most three bytes, so the length alone decides for nearly every subject.
  if (3 * subject.length <= ACCOUNT_BYTES_MAX) return subject;
  const isShort = subject.length <= ACCOUNT_BYTES_MAX;
  if (isShort && encoder.encode(subject).length <= ACCOUNT_BYTES_MAX) return subject;
  return `${cutText(subject, 60)}#${hashing.sha256(subject)}`;
}

const encoder = new TextEncoder();

const ERROR_LENGTH_MAX = 1000;

/** The text of an error in a form that every log and column accepts. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return cutText(text, ERROR_LENGTH_MAX).replaceAll("\0", "\ufffd");
}

/**
 * Whether a subject ever stopped in a generation. What the generation shows of past positions is then
 * what it showed there, not what a rebuild has, even after the subject went on.
 */
export async function hadStopped(rows: Rows): Promise<boolean> {
  // Its anomaly stays, closed, when the subject goes on.
  const ofStopped = { column: "kind", is: "=", value: STOPPED_KIND } as const;
  return (await rows.count(ANOMALIES, [ofStopped], 1)) > 0;
}

async function readStops(store: ModelStore): Promise<Stops> {
  const stored = await store.select(STOPPED, { orderBy: ["subject"], limit: 1_000_000 });
  return new Map(stored.map(({ subject, position }) => [String(subject), Number(position)]));
}

/** A subject is stopped by this program, not by what a delivery states. */
const OF_NO_DELIVERY = { deliveryId: null, recordedAt: null } as const;

type StoppedContext = Readonly<{ store: ModelStore; buffer: RowBuffer; hashing: Hashing }>;

function openStopped(stops: Stops, { store, buffer, hashing }: StoppedContext): StoppedSubjects {
  /** Since the last commit; null for a subject that goes on. They are discarded with the session. */
  const changed = new Map<string, number | null>();
  // A subject may be stopped in several models, and anomaly ids are unique across all models.
  const anomalyId = (subject: string): string => `${STOPPED_KIND}:${subject}:${store.model}`;

  function isStopped(subject: string): boolean {
    const position = changed.get(subject);
    return position === undefined ? stops.has(subject) : position !== null;
  }

  /** Shows a stop in its anomaly, as of the event at this position. */
  async function show(
    { subject, ...stop }: SubjectStop,
    { at, position }: Readonly<{ at: Nanos | null; position: number }>,
  ): Promise<void> {
    const id = anomalyId(subject);
    const detail = { type: stop.type, position: String(stop.position), error: stop.error };
    const content = { id, kind: STOPPED_KIND, subject, detail, essence: {}, at };
    await openAnomaly(buffer, content, { position, ...OF_NO_DELIVERY });
  }

  return {
    stops,
    has: (subject) =>
      (stops.size > 0 || changed.size > 0) && isStopped(subjectName(subject, hashing)),
    async stop(event, error) {
      const { position, type } = event;
      const stop = { subject: subjectName(event.subject, hashing), position, type };
      const row = { ...stop, error: errorText(error) };
      changed.set(stop.subject, position);
      buffer.put(STOPPED, { ...row, waiting: 1 }, null);
      await show(row, { at: event.recorded_at, position });
    },
    async wait(event) {
      const row = await buffer.get(STOPPED, [subjectName(event.subject, hashing)]);
      if (row === null) return;
      buffer.put(STOPPED, { ...row, waiting: Number(row.waiting) + 1 }, row);
      const stop = stopOf(row);
      const shown = await buffer.get(ANOMALIES, [anomalyId(stop.subject)]);
      // A change at the position of an earlier event would reach no reader that has passed it.
      if (shown === null || JSON.parse(String(shown.detail)).error === stop.error) return;
      await show(stop, { at: shown.opened_at as Nanos | null, position: event.position });
    },
    async failAgain(subject, error) {
      const row = await buffer.get(STOPPED, [subject]);
      const text = errorText(error);
      if (row === null || row.error === text) return null;
      buffer.put(STOPPED, { ...row, error: text }, row);
      return { ...stopOf(row), error: text };
    },
    async clear(subject, position) {
      const row = await buffer.get(STOPPED, [subject]);
      if (row !== null) buffer.remove(STOPPED, row, row);
      await closeAnomaly(buffer, anomalyId(subject), { position, ...OF_NO_DELIVERY });
      changed.set(subject, null);
    },
    keep() {
      for (const [subject, position] of changed) {
        if (position === null) stops.delete(subject);
        else stops.set(subject, position);
      }
      changed.clear();
    },
  };
}

const stopOf = ({ subject, position, type, error }: Row): SubjectStop => ({
  subject: String(subject),
  position: Number(position),
  type: String(type),
  error: String(error),
});
