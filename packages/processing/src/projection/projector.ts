import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { readData } from "@counterfoil/core/stream/read-event";
import { liveGeneration } from "../generations/activations.ts";
import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALY_CHANGES, ATTENTION } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import { FormatTooNew, isEngineError, ModelCorrupted, StreamCorrupted } from "../ports/errors.ts";
import { type EventStream, isLastPage, waitForMore } from "../ports/event-stream.ts";
import { projectorLock, type RoleLocks } from "../ports/installation.ts";
import {
  type Checkpoint,
  isLastRows,
  type ModelCatalogue,
  type ModelStore,
  type Row,
  type Rows,
} from "../ports/model-store.ts";
import {
  createTraces,
  NO_TRACING,
  type Traces,
  type Tracing,
  traceStep,
} from "../ports/tracing.ts";
import { checkStillFollows } from "../stream-guard.ts";
import type { Projection } from "./projection.ts";
import { openProjectionRun, type ProjectionRun, type SubjectStop } from "./run.ts";

export type ProjectorOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  projection: Projection;
  hashing: Hashing;
  clock: Clock;
  /**
   * The live generation was made by another version of the model: builds one of this version and
   * activates it. The old one stays as it is until then.
   */
  upgrade: (projection: Projection, signal: AbortSignal) => Promise<void>;
  observer?: ProjectorObserver;
  tracing?: Tracing;
}>;

/** What a projector tells whoever runs it. */
type ProjectorObserver = Readonly<{
  onState?: (state: ProjectorState) => void;
  onCommit?: (commit: Readonly<{ position: number; events: number; stopped: number }>) => void;
  /** `pauseMs`: until it is tried again, at the latest. */
  onRetry?: (failure: Readonly<{ error: unknown; pauseMs: number }>) => void;
  onStopped?: (stop: SubjectStop) => void;
  /**
   * What was opened by events that were folded live: never by a rebuild, and not again where one is
   * gone over to, or a process starts again.
   */
  onOpened?: (opened: readonly OpenedAnomaly[]) => void;
}>;

export type ProjectorState =
  | "waiting_for_lock"
  | "catching_up"
  | "live"
  | "upgrading"
  | "unavailable";

/** Events of one commit. */
const BATCH = 1000;
/**
 * A commit costs as much for one event as for many, and hundreds of small ones a second would take a
 * core from the ingestor: what comes within this time shares the next one.
 */
const GATHER_MS = 20;
const RETRY_MS_MIN = 500;
/** What passes by itself is noticed soon. */
const RETRY_MS_MAX = 5_000;
/** What a person has to put right takes its time. */
const DAMAGED_RETRY_MS_MAX = 60_000;
/** How often who waits looks whether another generation was activated. */
const LOOK_EVERY_MS = 1_000;

/**
 * Keeps the live generation of one model up to date until the signal aborts: waits for the model's
 * lock, folds what comes, and goes over to another generation where the stream activates one.
 *
 * @throws StreamForked, StreamCorrupted and faults of the program; what may pass is tried again.
 */
export async function runProjector(options: ProjectorOptions, signal: AbortSignal): Promise<void> {
  const { locks, projection, observer } = options;
  observer?.onState?.("waiting_for_lock");
  const lock = await locks.acquire(projectorLock(projection.model), signal);
  if (lock === null) return;
  const both = AbortSignal.any([signal, lock.lost]);
  let pauseMs = RETRY_MS_MIN;
  try {
    while (!both.aborted) {
      const { error, activatedAt, hasWorked } = await attempt(options, both);
      if (error === null || hasWorked) pauseMs = RETRY_MS_MIN;
      if (error === null) continue;
      pauseMs = Math.min(pauseMs, longestPause(error));
      observer?.onState?.("unavailable");
      observer?.onRetry?.({ error, pauseMs });
      await pause(options, { pauseMs, activatedAt }, both);
      pauseMs *= 2;
    }
  } finally {
    await lock.release();
  }
}

/** Only other files, another stream or another program help. */
const longestPause = (error: unknown): number =>
  [ModelCorrupted, StreamCorrupted, FormatTooNew].some((kind) => error instanceof kind)
    ? DAMAGED_RETRY_MS_MAX
    : RETRY_MS_MAX;

/** How far following a generation has come. */
type Progress = {
  /** Where the generation was activated; null while the stream has not said it. */
  activatedAt: number | null;
  /** It has committed, or found that there is nothing to do. */
  hasWorked: boolean;
};

/** Follows the live generation. @returns with the error that may pass, null where none stopped it */
async function attempt(options: ProjectorOptions, signal: AbortSignal) {
  const progress: Progress = { activatedAt: null, hasWorked: false };
  try {
    await followLive(options, signal, progress);
    return { error: null, ...progress };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { error, ...progress };
  }
}

/** A rebuild that is activated meanwhile is what a damaged generation waits for. */
async function pause(
  { stream, projection, clock }: ProjectorOptions,
  { pauseMs, activatedAt }: Readonly<{ pauseMs: number; activatedAt: number | null }>,
  signal: AbortSignal,
): Promise<void> {
  for (let leftMs = pauseMs; leftMs > 0 && !signal.aborted; leftMs -= LOOK_EVERY_MS) {
    await clock.sleep(Math.min(leftMs, LOOK_EVERY_MS), signal);
    if (activatedAt === null) continue;
    const live = await liveGeneration(stream, projection.model).catch(unlessEngine);
    if (live !== null && live.position !== activatedAt) return;
  }
}

function unlessEngine(error: unknown): null {
  if (isEngineError(error)) return null;
  throw error;
}

/** Follows the generation that is live now, until another is, or other files are in its place. */
async function followLive(
  options: ProjectorOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { stream, catalogue, projection, hashing, clock, observer } = options;
  const { generation, position: activatedAt } = await liveGeneration(stream, projection.model);
  progress.activatedAt = activatedAt;
  if (!(await isOfThisVersion(options, generation))) {
    observer?.onState?.("upgrading");
    return options.upgrade(projection, signal);
  }
  const following = { stream, hashing, who: projection.model };
  const store = await catalogue.openForWriting(projection.model, generation);
  try {
    const run = await openProjectionRun({
      ...{ stream, projection, store, hashing },
      onStopped: observer?.onStopped,
    });
    observer?.onState?.("catching_up");
    const traces = createTraces();
    while (!signal.aborted) {
      const after = run.checkpoint.position;
      const events = await stream.read({ after, limit: BATCH });
      await checkStillFollows(following, run.checkpoint, events);
      if (events.length === 0) {
        if (!(await isStillThere(store, run.checkpoint))) return;
        progress.hasWorked = true;
        observer?.onState?.("live");
        await waitForMore(options, after, signal);
        continue;
      }
      const isActivated = await foldUntilActivation(
        { ...options, traces },
        run,
        events,
        generation,
      );
      progress.hasWorked = true;
      const before = Math.max(after, activatedAt);
      await reportOpened(options, store, { after: before, upTo: run.checkpoint.position });
      if (isActivated) return;
      if (isLastPage(events, BATCH)) await clock.sleep(GATHER_MS, signal);
    }
  } finally {
    await store.close();
  }
}

/**
 * Whether the store holds what was committed to it. Who deletes or replaces its files beside an idle
 * ledger is noticed by this question alone, asked once in each wait.
 *
 * @throws an engine error where it is gone
 */
async function isStillThere(store: ModelStore, { position, hash }: Checkpoint): Promise<boolean> {
  const stored = await store.checkpoint();
  return stored.position === position && stored.hash === hash;
}

async function reportOpened(
  { observer }: ProjectorOptions,
  store: Rows,
  range: Readonly<{ after: number; upTo: number }>,
): Promise<void> {
  if (observer?.onOpened === undefined || range.after >= range.upTo) return;
  const opened = await readOpened(store, range);
  if (opened.length > 0) observer.onOpened(opened);
}

/** Makes sure that the live generation's files are there; it is built under its own number. */
async function isOfThisVersion(
  { catalogue, projection }: ProjectorOptions,
  generation: number,
): Promise<boolean> {
  const { model, tables, version: modelVersion } = projection;
  const known = await catalogue.generations(model);
  const live = known.find((other) => other.generation === generation);
  if (live !== undefined) return live.modelVersion === modelVersion;
  await catalogue.create(model, { tables, modelVersion, generation });
  return true;
}

type FoldOptions = ProjectorOptions & Readonly<{ traces: Traces }>;

/** @returns true where the events activate another generation; folded up to there. */
async function foldUntilActivation(
  { projection, observer, tracing = NO_TRACING, traces }: FoldOptions,
  run: ProjectionRun,
  events: readonly RecordedEvent[],
  generation: number,
): Promise<boolean> {
  const activates = (event: RecordedEvent): boolean => {
    if (event.type !== "ModelActivated") return false;
    const activated = readData(event) as DataOf<"ModelActivated">;
    return activated.model === projection.model && activated.generation !== generation;
  };
  const at = events.findIndex(activates);
  const folded = at < 0 ? events : events.slice(0, at + 1);
  if (tracing.isOn) traces.note(folded);
  const name = `project ${projection.model}`;
  const { position } = await traceStep({ tracing, traces }, name, folded, () => run.fold(folded));
  observer?.onCommit?.({ position, events: folded.length, stopped: run.stoppedSubjects });
  return at >= 0;
}

/** An anomaly that was opened, or opened again: ids alone, never what a body held. */
type OpenedAnomaly = Readonly<{
  anomaly_id: string;
  kind: string;
  subject: string;
  position: number;
}>;

/** What means that money may be missing, or that somebody says two things. */
const TOLD = /^(?:gap|contradiction|.+_conflict)$/;

const PAGE = { limit: 1000, bytesMax: 4 * 1024 * 1024 };

/** What such anomalies the events of a range have opened, and left open. */
export async function readOpened(
  rows: Rows,
  { after, upTo }: Readonly<{ after: number; upTo: number }>,
): Promise<readonly OpenedAnomaly[]> {
  const opened = new Map<string, OpenedAnomaly>();
  for (let beyond: readonly [number, string] = [after + 1, ""]; ; ) {
    const page: readonly Row[] = await rows.select(ANOMALY_CHANGES, {
      ...{ orderBy: ["position", "id"], beyond, ...PAGE },
    });
    for (const { position, id, row } of page) {
      if (Number(position) > upTo) break;
      const anomaly = typeof row === "string" ? changedAnomaly(row) : null;
      if (anomaly?.attention !== ATTENTION.open) opened.delete(String(id));
      else if (anomaly.is_new && TOLD.test(String(anomaly.kind))) {
        const { kind, subject } = anomaly;
        opened.set(String(id), {
          ...{ anomaly_id: String(id), kind: String(kind), subject: String(subject) },
          position: Number(position),
        });
      }
    }
    const last = page.at(-1);
    if (last === undefined || isLastRows(page, PAGE)) break;
    beyond = [Number(last.position), String(last.id)];
    if (beyond[0] > upTo) break;
  }
  return [...opened.values()];
}
