import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { isEngineError } from "../ports/errors.ts";
import { type EventStream, pagesAt } from "../ports/event-stream.ts";
import type { Checkpoint, ModelStore } from "../ports/model-store.ts";
import { checkNotForked } from "../stream-guard.ts";
import {
  errorText,
  type Projection,
  type ProjectionSession,
  type StoppedSubject,
  type SubjectStop,
  subjectName,
  type Work,
} from "./projection.ts";

type ProjectionRunOptions = Readonly<{
  stream: EventStream;
  projection: Projection;
  store: ModelStore;
  hashing: Hashing;
  onStopped?: ((stop: SubjectStop) => void) | undefined;
}>;

/**
 * The projection of events into one generation of a model; used by the projector, a rebuild and a
 * check.
 */
export interface ProjectionRun {
  readonly checkpoint: Checkpoint;
  readonly stoppedSubjects: number;
  /**
   * Folds the events directly after the checkpoint, and commits. If the fold fails or the engine
   * rejects the rows, the batch is halved until the failing event is found; only its subject stops.
   *
   * @throws engine errors unchanged.
   */
  fold(events: readonly RecordedEvent[]): Promise<Checkpoint>;
}

/** Opens a generation for folding. @throws StreamForked if the checkpoint is not on this stream. */
export async function openProjectionRun(options: ProjectionRunOptions): Promise<ProjectionRun> {
  const { stream, projection, store, hashing, onStopped } = options;
  await checkNotForked(stream, await store.checkpoint(), projection.model);
  let session = await projection.open(store, hashing);
  // Uncommitted changes are only in memory and are discarded with the session.
  const reopen = async () => {
    session = await projection.open(store, hashing, { stops: session.stopped.stops });
    return session;
  };
  await retryStopped(options, session, reopen);

  async function fold(events: readonly RecordedEvent[]): Promise<Checkpoint> {
    try {
      for (const event of events) {
        const work = applyOrWait(session, projection, event);
        if (work !== undefined) await work;
      }
      return await session.commit();
    } catch (error) {
      if (isEngineError(error)) throw error;
      const { position } = (await reopen()).checkpoint;
      return findFault(
        events.filter((event) => event.position > position),
        error,
      );
    }
  }

  /** @param events a failed batch, none of them committed */
  async function findFault(events: readonly RecordedEvent[], error: unknown): Promise<Checkpoint> {
    const [event] = events;
    if (event === undefined) throw error;
    if (events.length === 1) return stopAt(event, error);
    const middle = events.length >> 1;
    await fold(events.slice(0, middle));
    return fold(events.slice(middle));
  }

  async function stopAt(event: RecordedEvent, error: unknown): Promise<Checkpoint> {
    await session.stopped.stop(event, error);
    session.pass(event);
    const checkpoint = await session.commit();
    const { position, type } = event;
    const subject = subjectName(event.subject, hashing);
    onStopped?.({ subject, position, type, error: errorText(error) });
    return checkpoint;
  }

  return {
    get checkpoint() {
      return session.checkpoint;
    },
    get stoppedSubjects() {
      return session.stopped.stops.size;
    },
    fold,
  };
}

function applyOrWait(
  session: ProjectionSession,
  { types }: Projection,
  event: RecordedEvent,
): Work {
  if (types.has(event.type)) {
    if (!session.stopped.has(event.subject)) return session.apply(event);
    return session.stopped.wait(event).then(() => session.pass(event));
  }
  session.pass(event);
  return undefined;
}

/**
 * Retries the stopped subjects, since the program may have been fixed: folds the events of each in
 * order, from the failed one up to the checkpoint, and commits them together. One that fails again
 * stays as it was.
 */
async function retryStopped(
  { onStopped, ...options }: ProjectionRunOptions,
  opened: ProjectionSession,
  reopen: () => Promise<ProjectionSession>,
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

/** Limit of the positions that are remembered while subjects are retried, at eight bytes each. */
const POSITIONS_MAX = 500_000;

/**
 * Reads the events of stopped subjects up to a position. The event at which a subject stopped is read
 * alone, so one that fails again costs one event. The positions of the others are found for as many
 * subjects at once as can be remembered, in one pass over the stream.
 */
export function createRetriedPages(
  { stream, projection, hashing }: Pick<ProjectionRunOptions, "stream" | "projection" | "hashing">,
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
      const page = await stream.read({ after, limit: Math.min(BULK, end - after) });
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

/** Events per commit when no reader waits for individual rows. */
export const BULK = 10_000;

/**
 * Folds nearly up to a target that may advance meanwhile, such as a live generation: the rest is
 * small enough to be folded while the target is held at one position.
 */
export async function runNear(
  { stream, signal, onFolded }: RunNearOptions,
  run: ProjectionRun,
  findTarget: () => Promise<number>,
): Promise<void> {
  let target = await findTarget();
  while (run.checkpoint.position < target && !signal?.aborted) {
    const { position: after } = run.checkpoint;
    const events = await stream.read({ after, limit: Math.min(BULK, target - after) });
    if (events.length === 0) return;
    const { position } = await run.fold(events);
    onFolded?.(position, target);
    if (position >= target) target = await findTarget();
    if (position === after || target - position < BULK / 10) return;
  }
}

type RunNearOptions = Readonly<{
  stream: EventStream;
  signal?: AbortSignal | undefined;
  onFolded?: (position: number, target: number) => void;
}>;

/** Folds up to a position and no further. */
export async function runTo(
  stream: EventStream,
  run: ProjectionRun,
  position: number,
): Promise<Checkpoint> {
  for (;;) {
    const { position: after } = run.checkpoint;
    if (after >= position) return run.checkpoint;
    const events = await stream.read({ after, limit: Math.min(BULK, position - after) });
    if (events.length === 0) return run.checkpoint;
    await run.fold(events);
  }
}
