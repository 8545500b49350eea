import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { ACCOUNT_BYTES_MAX } from "@counterfoil/contracts/scalar";
import { cutText } from "@counterfoil/core/exact/text";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { closeAnomaly, openAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALIES, STOPPED, STOPPED_KIND } from "../models/columns.ts";
import { isEngineError } from "../ports/errors.ts";
import { type EventStream, pagesAt } from "../ports/event-stream.ts";
import type { Checkpoint, ModelStore, Row, Rows } from "../ports/model-store.ts";
import type { RowBuffer } from "./row-buffer.ts";
import { everyRow } from "./selection.ts";

/**
 * Subjects with a fact that could not be projected: the fold failed, or the engine rejected its
 * rows. The fact and later ones of the subject wait; all other subjects continue.
 */
export interface StoppedSubjects {
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

/** Reads them page by page: each row holds the text of an error, and a fault may stop every subject. */
export async function readStops(rows: Rows): Promise<Stops> {
  const stops: Stops = new Map();
  for await (const { subject, position } of everyRow(rows, STOPPED, ROWS_PAGE)) {
    stops.set(String(subject), Number(position));
  }
  return stops;
}

const ROWS_PAGE = { orderBy: ["subject"], limit: 2000, bytesMax: 1024 * 1024 };

/**
 * Whether a subject ever stopped in a generation. What the generation shows of past positions is then
 * what it showed there, not what a rebuild has, even after the subject went on.
 */
export async function hadStopped(rows: Rows): Promise<boolean> {
  // Its anomaly stays, closed, when the subject goes on.
  const ofStopped = { column: "kind", is: "=", value: STOPPED_KIND } as const;
  return (await rows.count(ANOMALIES, [ofStopped], 1)) > 0;
}

/** A subject is stopped by this program, not by what a delivery states. */
const OF_NO_DELIVERY = { deliveryId: null, recordedAt: null } as const;

type StoppedContext = Readonly<{ store: ModelStore; buffer: RowBuffer; hashing: Hashing }>;

/** @param stops as of the last commit */
export function openStopped(
  stops: Stops,
  { store, buffer, hashing }: StoppedContext,
): StoppedSubjects {
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

/**
 * Retries the stopped subjects, since the program may have been fixed: folds the events of each in
 * order, from the failed one up to the checkpoint, and commits them together. One that fails again
 * stays as it was.
 */
export async function retryStopped(
  { onStopped, ...options }: RetriedStream & Readonly<{ onStopped?: OnStopped | undefined }>,
  opened: RetryingSession,
  reopen: () => Promise<RetryingSession>,
): Promise<void> {
  let session = opened;
  const end = session.checkpoint.position;
  const stopped = [...session.stopped.stops].map(([subject, position]) => ({ subject, position }));
  const pagesOf = createRetriedPages(options, stopped, end);
  for (const [at, { subject }] of stopped.entries()) {
    try {
      for await (const page of pagesOf(at)) {
        for (const event of page) {
          const work = session.apply(event);
          if (work !== undefined) await work;
        }
      }
      await session.stopped.clear(subject, end);
      await session.commit();
    } catch (error) {
      if (isEngineError(error)) throw error;
      session = await reopen();
      const stop = await session.stopped.failAgain(subject, error);
      await session.commit();
      if (stop !== null) onStopped?.(stop);
    }
  }
}

/** The part of a model's session in which its stopped subjects are retried. */
type RetryingSession = Readonly<{
  checkpoint: Checkpoint;
  stopped: StoppedSubjects;
  apply(event: RecordedEvent): Promise<void> | undefined;
  commit(): Promise<unknown>;
}>;

type RetriedStream = Readonly<{
  stream: EventStream;
  projection: Readonly<{ types: ReadonlySet<string> }>;
  hashing: Hashing;
}>;

/** Receives a subject that stopped, or failed again for another reason. */
export type OnStopped = (stop: SubjectStop) => void;

/** Limit of the positions that are remembered while subjects are retried, at eight bytes each. */
const POSITIONS_MAX = 500_000;

/** Events that are read at once. */
const EVENTS_PAGE = 10_000;

/**
 * Reads the events of stopped subjects up to a position. The event at which a subject stopped is read
 * alone, so one that fails again costs one event. The positions of the others are found for as many
 * subjects at once as can be remembered, in one pass over the stream.
 */
export function createRetriedPages(
  { stream, projection, hashing }: RetriedStream,
  stopped: readonly StoppedSubject[],
  end: number,
  positionsMax: number = POSITIONS_MAX,
): (at: number) => AsyncGenerator<readonly RecordedEvent[]> {
  let found: ReadonlyMap<string, readonly number[]> = new Map();

  /** The subject of an event that may change the model. */
  const subjectOf = ({ type, subject }: RecordedEvent): string | null =>
    projection.types.has(type) ? subjectName(subject, hashing) : null;

  async function* pagesAfter(position: number): AsyncGenerator<readonly RecordedEvent[]> {
    for (let after = position; after < end; ) {
      const page = await stream.read({ after, limit: Math.min(EVENTS_PAGE, end - after) });
      yield page;
      after = page.at(-1)?.position ?? end;
    }
  }

  /** The positions of these subjects, or of the first of them if all have too many. */
  async function findPositions(subjects: readonly StoppedSubject[]) {
    const positions = new Map(subjects.map(({ subject }) => [subject, [] as number[]]));
    // The events of one subject alone are read as they are found.
    if (positions.size === 1) return positions;
    const from = subjects.reduce((least, one) => Math.min(least, one.position), end);
    let count = 0;
    for await (const page of pagesAfter(from - 1)) {
      for (const event of page) {
        const known = positions.get(subjectOf(event) ?? "");
        if (known === undefined) continue;
        known.push(event.position);
        count += 1;
      }
      while (count > positionsMax && positions.size > 1) {
        const { subject } = subjects[positions.size - 1] as StoppedSubject;
        count -= positions.get(subject)?.length ?? 0;
        positions.delete(subject);
      }
      if (positions.size === 1) break;
    }
    return positions;
  }

  return async function* pagesOf(at) {
    const { subject, position } = stopped[at] as StoppedSubject;
    const isOf = (event: RecordedEvent) => subjectOf(event) === subject;
    yield (await stream.read({ after: position - 1, limit: 1 })).filter(isOf);
    if (!found.has(subject)) found = await findPositions(stopped.slice(at));
    if (found.size === 1) {
      for await (const page of pagesAfter(position)) yield page.filter(isOf);
      return;
    }
    const rest = (found.get(subject) ?? []).filter((one) => one > position);
    for await (const page of pagesAt(stream, rest)) yield page.filter(isOf);
  };
}
