import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { isEngineError } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Checkpoint, ModelStore } from "../ports/model-store.ts";
import { checkNotForked } from "../stream-guard.ts";
import type { Projection, ProjectionSession, Work } from "./projection.ts";
import { errorText, type OnStopped, retryStopped, subjectName } from "./stopped.ts";

type ProjectionRunOptions = Readonly<{
  stream: EventStream;
  projection: Projection;
  store: ModelStore;
  hashing: Hashing;
  onStopped?: OnStopped | undefined;
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
