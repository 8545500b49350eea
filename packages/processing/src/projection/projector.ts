import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { readData } from "@counterfoil/core/stream/read-event";
import { liveGeneration } from "../generations/activations.ts";
import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALY_CHANGES, ATTENTION, ATTENTION_COUNTS } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import { FormatTooNew, isEngineError, ModelCorrupted, StreamCorrupted } from "../ports/errors.ts";
import { type EventStream, isLastPage, waitForMore } from "../ports/event-stream.ts";
import {
  type Checkpoint,
  isLastRows,
  type ModelCatalogue,
  type ModelStore,
  type Row,
  type Rows,
} from "../ports/model-store.ts";
import { createBackoff } from "../ports/retry.ts";
import { projectorLock, type RoleLocks } from "../ports/role-locks.ts";
import {
  createTraces,
  NO_TRACING,
  type Traces,
  type Tracing,
  traceStep,
} from "../ports/tracing.ts";
import { checkStillFollows } from "../stream-guard.ts";
import type { Projection } from "./projection.ts";
import { openProjectionRun, type ProjectionRun } from "./run.ts";
import type { OnStopped } from "./stopped.ts";

export type ProjectorOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  projection: Projection;
  hashing: Hashing;
  clock: Clock;
  /**
   * Called if the live generation was built by another version of the model: builds one of this
   * version and activates it. The old one stays unchanged until then.
   */
  upgrade: (projection: Projection, signal: AbortSignal) => Promise<void>;
  observer?: ProjectorObserver;
  tracing?: Tracing;
}>;

/** Receives what a projector reports. */
type ProjectorObserver = Readonly<{
  onState?: (state: ProjectorState) => void;
  /** The generation's checkpoint when it is opened. */
  onOpen?: (opened: Readonly<{ position: number; stopped: number }>) => void;
  onCommit?: (commit: Readonly<{ position: number; events: number; stopped: number }>) => void;
  /** `pauseMs`: time until the retry, at most. */
  onRetry?: (failure: Readonly<{ error: unknown; pauseMs: number }>) => void;
  onStopped?: OnStopped;
  /**
   * Receives anomalies opened by events that were folded live: never by a rebuild, and not again
   * when the projector switches to a rebuilt generation or restarts.
   */
  onOpened?: (opened: readonly OpenedAnomaly[]) => void;
  /**
   * Called instead when a generation was built from the stream's beginning: an earlier one may have
   * reported its anomalies, for example before a backup was restored without models.
   */
  onBuilt?: (built: Readonly<{ position: number; open: Readonly<Record<string, number>> }>) => void;
}>;

export type ProjectorState =
  | "waiting_for_lock"
  | "catching_up"
  | "live"
  | "upgrading"
  | "unavailable";

/** Maximum number of events per commit. */
const BATCH = 1000;
/**
 * A commit costs as much for one event as for many, and hundreds of small ones a second would take
 * a core from the ingestor, so events within this interval share one commit.
 */
const BATCH_INTERVAL_MS = 20;
/** The maximum is for errors that pass by themselves, so that recovery is noticed soon. */
const RETRY = { delayMsMin: 500, delayMsMax: 5_000 } as const;
/** Maximum for damage that a person has to repair. */
const DAMAGED_RETRY_MS_MAX = 60_000;
/** Interval between checks for another activated generation during a pause. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * Keeps the live generation of one model up to date until the signal aborts: acquires the model's
 * lock, folds new events, and switches to another generation when the stream activates one.
 *
 * @throws StreamForked and program faults; engine errors are retried, also StreamCorrupted.
 */
export async function runProjector(options: ProjectorOptions, signal: AbortSignal): Promise<void> {
  const { locks, projection, observer } = options;
  observer?.onState?.("waiting_for_lock");
  const lock = await locks.acquire(projectorLock(projection.model), signal);
  if (lock === null) return;
  const stopSignal = AbortSignal.any([signal, lock.lost]);
  const backoff = createBackoff(RETRY);
  try {
    while (!stopSignal.aborted) {
      const { error, activatedAt, hasProgressed } = await followOnce(options, stopSignal);
      if (error === null || hasProgressed) backoff.reset();
      if (error === null) continue;
      const pauseMs = backoff.next(longestPause(error));
      observer?.onState?.("unavailable");
      observer?.onRetry?.({ error, pauseMs });
      await pause(options, { pauseMs, activatedAt }, stopSignal);
    }
  } finally {
    await lock.release();
  }
}

/**
 * The maximum pause after an error; the damaged kinds are only resolved by other files, another
 * stream or another program.
 */
const longestPause = (error: unknown): number =>
  [ModelCorrupted, StreamCorrupted, FormatTooNew].some((kind) => error instanceof kind)
    ? DAMAGED_RETRY_MS_MAX
    : RETRY.delayMsMax;

/** Progress of following a generation. */
type Progress = {
  /** The position of the generation's activation; null until it has been read from the stream. */
  activatedAt: number | null;
  /** Whether it has committed, or found nothing to do. */
  hasProgressed: boolean;
};

/** Follows the live generation. @returns with the transient error that stopped it, or null */
async function followOnce(options: ProjectorOptions, signal: AbortSignal) {
  const progress: Progress = { activatedAt: null, hasProgressed: false };
  try {
    await followLive(options, signal, progress);
    return { error: null, ...progress };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { error, ...progress };
  }
}

/**
 * Waits before a retry; ends early if another generation is activated, which is how a damaged one
 * is replaced.
 */
async function pause(
  { stream, projection, clock }: ProjectorOptions,
  { pauseMs, activatedAt }: Readonly<{ pauseMs: number; activatedAt: number | null }>,
  signal: AbortSignal,
): Promise<void> {
  for (let leftMs = pauseMs; leftMs > 0 && !signal.aborted; leftMs -= CHECK_INTERVAL_MS) {
    await clock.sleep(Math.min(leftMs, CHECK_INTERVAL_MS), signal);
    if (activatedAt === null) continue;
    const live = await liveGeneration(stream, projection.model).catch(nullIfEngineError);
    if (live !== null && live.position !== activatedAt) return;
  }
}

function nullIfEngineError(error: unknown): null {
  if (isEngineError(error)) return null;
  throw error;
}

/** Follows the live generation until another one is live, or its files were replaced. */
async function followLive(
  options: ProjectorOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { stream, catalogue, projection, hashing, observer } = options;
  const { generation, position: activatedAt } = await liveGeneration(stream, projection.model);
  progress.activatedAt = activatedAt;
  if (!(await isOfThisVersion(options, generation))) {
    observer?.onState?.("upgrading");
    return options.upgrade(projection, signal);
  }
  const store = await catalogue.openForWriting(projection.model, generation);
  try {
    const run = await openProjectionRun({
      ...{ stream, projection, store, hashing },
      onStopped: observer?.onStopped,
    });
    const { checkpoint, stoppedSubjects: stopped } = run;
    observer?.onOpen?.({ position: checkpoint.position, stopped });
    observer?.onState?.("catching_up");
    // An earlier generation may have reported what one from the beginning opens again.
    const builtTo = checkpoint.position === 0 ? (await stream.head()).position : 0;
    const live = { run, store, generation, reportedTo: Math.max(activatedAt, builtTo), builtTo };
    await projectLive(options, live, { signal, progress });
  } finally {
    await store.close();
  }
}

type LiveRun = Readonly<{
  run: ProjectionRun;
  store: ModelStore;
  generation: number;
  /** The position up to which an earlier run may have reported anomalies. */
  reportedTo: number;
  /** The position up to which the generation is built from the beginning; 0 if it exists. */
  builtTo: number;
}>;

/** Projects events as they are appended, until another generation is live or the store is gone. */
async function projectLive(
  options: ProjectorOptions,
  { run, store, generation, reportedTo, builtTo }: LiveRun,
  { signal, progress }: Readonly<{ signal: AbortSignal; progress: Progress }>,
): Promise<void> {
  const { stream, projection, hashing, clock, observer } = options;
  const following = { stream, hashing, who: projection.model };
  const traces = createTraces();
  while (!signal.aborted) {
    const after = run.checkpoint.position;
    const events = await stream.read({ after, limit: BATCH });
    await checkStillFollows(following, run.checkpoint, events);
    if (events.length === 0) {
      if (!(await isStillThere(store, run.checkpoint))) return;
      progress.hasProgressed = true;
      observer?.onState?.("live");
      await waitForMore(options, after, signal);
      continue;
    }
    const isActivated = await foldUntilActivation({ ...options, traces }, run, events, generation);
    progress.hasProgressed = true;
    const upTo = run.checkpoint.position;
    await reportOpened(options, store, { after: Math.max(after, reportedTo), upTo });
    if (after < builtTo && upTo >= builtTo) await reportBuilt(options, store, upTo);
    if (isActivated) return;
    if (isLastPage(events, BATCH)) await clock.sleep(BATCH_INTERVAL_MS, signal);
  }
}

/**
 * Whether the store contains its last commit. On an idle ledger this check, made once per wait, is
 * the only one that notices deleted or replaced files.
 *
 * @throws an engine error if the store is gone
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

async function reportBuilt(
  { observer }: ProjectorOptions,
  store: Rows,
  position: number,
): Promise<void> {
  if (observer?.onBuilt === undefined) return;
  const counted = await store.select(ATTENTION_COUNTS, { orderBy: ["kind"], limit: PAGE.limit });
  const open = counted
    .filter((row) => REPORTED_KINDS.test(String(row.kind)) && Number(row.open) > 0)
    .map((row) => [String(row.kind), Number(row.open)] as const);
  if (open.length > 0) observer.onBuilt({ position, open: Object.fromEntries(open) });
}

/**
 * Whether the live generation was built by this version; creates it under its own number if it is
 * missing.
 */
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

/**
 * @returns true if the events activate another generation; only those up to the activation are
 *   folded.
 */
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

/** An opened or reopened anomaly: only ids, never the content of a body. */
type OpenedAnomaly = Readonly<{
  anomaly_id: string;
  kind: string;
  subject: string;
  position: number;
}>;

/** The kinds that are reported: money may be missing, or two sources contradict each other. */
const REPORTED_KINDS = /^(?:gap|contradiction|.+_conflict)$/;

const PAGE = { limit: 1000, bytesMax: 4 * 1024 * 1024 };

/** The anomalies of these kinds that the events of a range opened and left open. */
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
      else if (anomaly.is_new && REPORTED_KINDS.test(String(anomaly.kind))) {
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
