import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress } from "@counterfoil/contracts/operations-record";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "../ports/clock.ts";
import { GenerationMissing, isUnreadable, ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type {
  Checkpoint,
  GenerationInfo,
  ModelCatalogue,
  ModelStore,
} from "../ports/model-store.ts";
import { type HeldLock, projectorLock, type RoleLocks } from "../ports/role-locks.ts";
import type { Projection } from "../projection/projection.ts";
import { openProjectionRun, type ProjectionRun, runNear, runTo } from "../projection/run.ts";
import { hadStopped } from "../projection/stopped.ts";
import { isOnStream } from "../stream-guard.ts";
import {
  type Activated,
  type Activation,
  activateGeneration,
  activationsOf,
  liveGeneration,
} from "./activations.ts";
import {
  compareRows,
  compareVersions,
  type RowDifference,
  servedTables,
  type VersionDifferences,
} from "./compare.ts";

/** The rebuilds of this process for an operator. */
export interface Rebuilds {
  /**
   * Starts to build the model's next generation and returns at once.
   *
   * @param actor recorded as the one who requested it
   * @throws RebuildRunning if one is being built
   */
  start(model: ModelName, actor: string): Promise<RebuildProgress>;
  /**
   * Starts to catch up a kept generation and to activate it again, and returns at once.
   *
   * @throws RebuildRunning
   */
  rollBack(model: ModelName, actor: string, generation: number): Promise<RebuildProgress>;
  /** The kept generations of the model, oldest first. */
  generations(model: ModelName): Promise<readonly GenerationInfo[]>;
  /** The progress of the last rebuild started by this process; null if there was none. */
  progress(model: ModelName): RebuildProgress | null;
}

export class RebuildRunning extends Error {
  override readonly name = "RebuildRunning";
}

/** The engines that a rebuild uses. */
type RebuildBackends = Pick<RebuildOptions, "stream" | "catalogue" | "hashing" | "clock"> &
  Readonly<{ locks: RoleLocks }>;

type RebuildJob = Omit<RebuildOptions, keyof RebuildBackends> &
  Readonly<{ backends: RebuildBackends }>;

/** A job under its rebuild lock: the signal also aborts when that is lost. */
type LockedJob = RebuildJob & Readonly<{ signal: AbortSignal }>;

const lockName = (model: ModelName): string => `rebuild-${model}`;

/** @throws RebuildRunning if any process is rebuilding this model */
export async function lockRebuild(
  { locks }: Pick<RebuildBackends, "locks">,
  model: ModelName,
): Promise<HeldLock> {
  const lock = await locks.tryAcquire(lockName(model));
  if (lock !== null) return lock;
  throw new RebuildRunning(`a rebuild of ${model} is running: wait until it has ended`);
}

/**
 * Rebuilds a model under its rebuild lock.
 *
 * @param begin called first, under the lock
 * @throws RebuildRunning
 */
export async function runRebuild(
  job: RebuildJob,
  begin: () => Promise<unknown> = async () => {},
): Promise<RebuildResult> {
  const lock = await lockRebuild(job.backends, job.projection.model);
  return underLock(lock, job.signal, async (signal) => {
    await begin();
    return rebuildLocked({ ...job, signal });
  });
}

/** As `runRebuild`, for a caller that holds the lock. */
export async function rebuildLocked(job: LockedJob): Promise<RebuildResult> {
  const { backends, ...rest } = job;
  const result = await rebuildModel({ ...backends, ...rest });
  if (result.outcome === "activated") {
    await catchUpUnattended(backends, job.projection);
    await pruneLocked(job);
  }
  return result;
}

/** Runs `work` under a lock, and releases it; the signal also aborts when the lock was lost. */
export async function underLock<T>(
  lock: HeldLock,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await work(AbortSignal.any([lock.lost, ...(signal === undefined ? [] : [signal])]));
  } finally {
    await lock.release();
  }
}

/** Who lost the lock could drop what its next holder has built. */
async function pruneLocked({ backends, projection, signal }: LockedJob): Promise<void> {
  if (!signal.aborted) await pruneGenerations({ ...backends, model: projection.model });
}

/**
 * Builds and activates the generation of a new model version beside the live one, unless an
 * operator's rebuild of the model, for which it waits, has done so.
 *
 * @returns null if there was nothing to build, or the signal aborted before the lock was acquired
 */
export async function upgradeModel(
  job: RebuildJob & Readonly<{ signal: AbortSignal }>,
): Promise<RebuildResult | null> {
  const { backends, projection, ...rest } = job;
  const lock = await backends.locks.acquire(lockName(projection.model), job.signal);
  if (lock === null) return null;
  return underLock(lock, job.signal, async (signal) => {
    if (await isOfVersion(backends, projection)) return null;
    const options = { ...backends, ...rest, projection, signal };
    const result = await rebuildModel({ ...options, cause: "upgrade" });
    if (result.outcome === "activated") await pruneLocked({ ...job, signal });
    return result;
  });
}

/** Whether the live generation is of the program's model version. */
async function isOfVersion({ stream, catalogue }: RebuildBackends, projection: Projection) {
  const { model, version } = projection;
  const { generation: live } = await liveGeneration(stream, model);
  const known = await catalogue.generations(model);
  return known.some((one) => one.generation === live && one.modelVersion === version);
}

const LOCK_WAIT_MS = 250;

/** If no projector runs, projects the live generation past its activation, so that it can be served. */
export async function catchUpUnattended(
  { locks, stream, catalogue, hashing }: RebuildBackends,
  projection: Projection,
): Promise<void> {
  const { model } = projection;
  // Wait briefly instead of trying once, because a status query may hold the lock for a moment.
  const lock = await locks.acquire(projectorLock(model), AbortSignal.timeout(LOCK_WAIT_MS));
  if (lock === null) return;
  try {
    const { generation } = await liveGeneration(stream, model);
    const store = await catalogue.openForWriting(model, generation);
    try {
      const run = await openProjectionRun({ stream, projection, store, hashing });
      await runTo(stream, run, (await stream.head()).position);
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}

type RebuildOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  projection: Projection;
  hashing: Hashing;
  clock: Clock;
  /** The name and version of the program, recorded in the activation. */
  build: string;
  cause?: "rebuild" | "upgrade";
  /** Activates the generation even if the digests differ. */
  force?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: RebuildStep) => void;
}>;

export type RebuildStep = Readonly<{
  state: "building" | "comparing";
  generation: number;
  position: number;
  /** The position at which the building ends, as known now. */
  target: number;
}>;

export type RebuildResult = Readonly<{
  outcome: "activated" | "refused" | "aborted";
  generation: number;
  /** The new generation's checkpoint when it was compared. */
  rebuilt: Checkpoint;
  /** The live generation's checkpoint; null if there was none to compare with. */
  live: Checkpoint | null;
  differences: readonly RowDifference[];
  /** How the rows differ from a live generation of another model version; otherwise null. */
  versions: VersionDifferences | null;
  durationMs: number;
}>;

const DIFFERENCES_SHOWN = 20;

/**
 * Builds the next generation of a model beside the live one, compares both at one position, and
 * activates it by an event on the stream. A kill at any point leaves the live generation unchanged. A
 * generation that is not activated is dropped: a rollback could activate it.
 */
export async function rebuildModel(options: RebuildOptions): Promise<RebuildResult> {
  const { stream, catalogue, projection, hashing, clock } = options;
  const { model, tables, version: modelVersion } = projection;
  const started = clock.now();
  const live = await liveGeneration(stream, model);
  const generation = await catalogue.create(model, { tables, modelVersion });
  if (generation === null) throw new Error(`no generation of ${model} could be claimed`);
  const store = await catalogue.openForBuilding(model, generation, tables).catch(async (error) => {
    // It would stay as an empty generation, which a rollback could activate.
    await catalogue.drop(model, generation).catch(() => undefined);
    throw error;
  });
  let isKept = false;
  try {
    const run = await openProjectionRun({ stream, projection, store, hashing });
    await build(options, run, generation, live);
    const compared = await compareWithLive(options, run, store, live, generation);
    const durationMs = Number((clock.now() - started) / 1_000_000n);
    const { isEqual, ...found } = compared;
    const result = { generation, ...found, durationMs };
    if (options.signal?.aborted) return { outcome: "aborted", ...result };
    if (!isEqual && !options.force) return { outcome: "refused", ...result };
    await store.finish();
    if (options.signal?.aborted) return { outcome: "aborted", ...result };
    const { cause = "rebuild" } = options;
    // An activation that failed may be on the stream nevertheless.
    isKept = true;
    await activateGeneration({ ...options, cause, isForced: !isEqual }, result);
    return { outcome: "activated", ...result };
  } finally {
    await store.close();
    if (!isKept) await catalogue.drop(model, generation);
  }
}

/** Never projects past the live generation, so that both can be compared at its position. */
async function build(
  options: RebuildOptions,
  run: ProjectionRun,
  generation: number,
  live: Activation,
): Promise<void> {
  const { stream, signal, onProgress } = options;
  const onFolded = (position: number, target: number) =>
    onProgress?.({ state: "building", generation, position, target });
  await runNear({ stream, signal, onFolded }, run, () => buildTarget(options, live));
}

async function buildTarget(options: RebuildOptions, live: Activation): Promise<number> {
  const known = await comparableLive(options, live);
  return known?.checkpoint.position ?? (await options.stream.head()).position;
}

/**
 * The live generation, if it was built from this stream and is not empty. A generation of another
 * stream cannot be compared: after a fork, a rebuild replaces it.
 */
async function comparableLive({ stream, catalogue, projection }: RebuildOptions, live: Activation) {
  const known = await catalogue.generations(projection.model);
  const made = known.find(
    ({ generation, checkpoint }) => generation === live.generation && checkpoint.position > 0,
  );
  return made !== undefined && (await isOnStream(stream, made.checkpoint)) ? made : undefined;
}

type Comparison = Pick<RebuildResult, "rebuilt" | "live" | "differences" | "versions"> &
  Readonly<{ isEqual: boolean }>;

async function compareWithLive(
  options: RebuildOptions,
  run: ProjectionRun,
  store: ModelStore,
  live: Activation,
  generation: number,
): Promise<Comparison> {
  const { catalogue, projection, onProgress, stream } = options;
  const comparable = await comparableLive(options, live);
  if (comparable === undefined) return compareWithNothing(options, run);
  const reader = await catalogue.openForReading(projection.model, live.generation);
  const isNewVersion = comparable.modelVersion !== projection.version;
  try {
    const served = isNewVersion ? await servedTables(projection.tables, reader) : [];
    return await reader.snapshot(async (rows, checkpoint) => {
      const { position } = checkpoint;
      onProgress?.({ state: "comparing", generation, position, target: position });
      const rebuilt = await runTo(stream, run, position);
      if (isNewVersion) {
        // A new version differs on purpose; the differences are only reported.
        const versions = await compareVersions(served, rows, store, position);
        return { isEqual: true, rebuilt, live: checkpoint, differences: [], versions };
      }
      if (rebuilt.digest === checkpoint.digest) {
        return { isEqual: true, rebuilt, live: checkpoint, differences: [], versions: null };
      }
      const digested = projection.tables.filter((table) => table.digested !== "none");
      const differences = await compareRows(digested, rows, store, DIFFERENCES_SHOWN);
      // A live model in which subjects had stopped must differ from one that projected their facts.
      const isEqual = await hadStopped(rows);
      return { isEqual, rebuilt, live: checkpoint, differences, versions: null };
    });
  } catch (error) {
    // A damaged live generation is replaced without a comparison.
    if (isUnreadable(error)) return compareWithNothing(options, run);
    throw error;
  } finally {
    await reader.close();
  }
}

async function compareWithNothing(
  { stream }: RebuildOptions,
  run: ProjectionRun,
): Promise<Comparison> {
  const rebuilt = await runTo(stream, run, (await stream.head()).position);
  return { isEqual: true, rebuilt, live: null, differences: [], versions: null };
}

/** Generations kept besides the live one, for rollbacks and for readers that lag behind. */
const KEPT_BEFORE = 2;

type PruneOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  model: ModelName;
}>;

/**
 * Drops all generations of a model except the live one and the two that were live before it; this
 * includes the remains of killed rebuilds. The caller must hold the model's rebuild lock, because a
 * rebuild in progress holds it too.
 *
 * A process that follows the stream reads the live generation or, until it has read the activation,
 * the previous one, so a dropped generation has had no readers for two activations. A publisher that
 * is further behind reads from the topics what it has published (publish/republish.ts). Generations
 * of a newer program are not in this program's catalogue, and are kept.
 *
 * @returns the dropped generations
 */
export async function pruneGenerations({
  stream,
  catalogue,
  model,
}: PruneOptions): Promise<readonly number[]> {
  const activations = await activationsOf(stream, model);
  const kept = keptGenerations(activations.map(({ generation }) => generation).toReversed());
  const dropped: number[] = [];
  for (const { generation } of await catalogue.generations(model)) {
    if (kept.has(generation)) continue;
    await catalogue.drop(model, generation);
    dropped.push(generation);
  }
  return dropped;
}

/** @param activated oldest first; generation 1 was live before all of them */
export function keptGenerations(activated: readonly number[]): ReadonlySet<number> {
  const latestFirst = [1, ...activated].toReversed();
  return new Set([...new Set(latestFirst)].slice(0, 1 + KEPT_BEFORE));
}

type RollbackOptions = Pick<
  RebuildOptions,
  "stream" | "catalogue" | "projection" | "hashing" | "clock" | "build" | "signal"
> &
  Readonly<{ generation: number }>;

/**
 * The kept generation of the same model version that a rollback goes back to.
 *
 * @param wanted if not given, the highest kept generation below the live one
 * @throws GenerationMissing if there is none
 */
export async function rollbackTarget(
  { stream, catalogue, projection }: Pick<RollbackOptions, "stream" | "catalogue" | "projection">,
  wanted?: number,
): Promise<number> {
  const live = await liveGeneration(stream, projection.model);
  const kept = (await catalogue.generations(projection.model)).filter(
    ({ generation, modelVersion }) =>
      generation !== live.generation && modelVersion === projection.version,
  );
  const target = kept.findLast(({ generation }) =>
    wanted === undefined ? generation < live.generation : generation === wanted,
  );
  if (target !== undefined) return target.generation;
  const numbers = kept.map(({ generation }) => generation).join(", ") || "none";
  throw new GenerationMissing(
    `${projection.model} has no ${wanted === undefined ? "older generation" : `generation ${wanted}`} of model version ${projection.version} beside the live ${live.generation}; kept: ${numbers}`,
  );
}

/**
 * Activates a kept generation, see `rollbackTarget`, again, after catching it up.
 *
 * @throws ModelUnavailable if the signal aborted before the activation
 */
export async function rollbackModel(options: RollbackOptions): Promise<Activated> {
  const { catalogue, projection, clock, generation, signal } = options;
  const started = clock.now();
  const store = await catalogue.openForWriting(projection.model, generation);
  const rebuilt = await catchUp(options, store);
  if (signal?.aborted) {
    throw new ModelUnavailable(`generation ${generation} was not activated: start again`);
  }
  const durationMs = Number((clock.now() - started) / 1_000_000n);
  const activated = { generation, rebuilt, durationMs };
  await activateGeneration({ ...options, cause: "rollback" }, activated);
  return activated;
}

async function catchUp(
  { stream, projection, hashing }: RollbackOptions,
  store: ModelStore,
): Promise<Checkpoint> {
  try {
    const run = await openProjectionRun({ stream, projection, store, hashing });
    return await runTo(stream, run, (await stream.head()).position);
  } finally {
    await store.close();
  }
}
