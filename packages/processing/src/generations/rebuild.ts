import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress } from "@counterfoil/contracts/operations-record";
import type { Hashing } from "@counterfoil/core/hashing";
import { STOPPED } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import { GenerationMissing, isUnreadable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { type HeldLock, projectorLock, type RoleLocks } from "../ports/installation.ts";
import type {
  Checkpoint,
  GenerationInfo,
  ModelCatalogue,
  ModelStore,
  Rows,
} from "../ports/model-store.ts";
import type { Projection } from "../projection/projection.ts";
import { openProjectionRun, type ProjectionRun, runNear, runTo } from "../projection/run.ts";
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
  type VersionDifferences,
} from "./compare.ts";

/** Rebuilds of this process, as an operator sees them. */
export interface Rebuilds {
  /**
   * Begins to build the model's next generation and answers at once.
   *
   * @param actor who asks for it, as it is recorded
   * @throws RebuildRunning where one is being built.
   */
  start(model: ModelName, actor: string): Promise<RebuildProgress>;
  /**
   * Begins to catch a kept generation up, to activate it again, and answers at once.
   *
   * @throws RebuildRunning
   */
  rollBack(model: ModelName, actor: string, generation: number): Promise<RebuildProgress>;
  /** Those of the model that are kept here, oldest first. */
  generations(model: ModelName): Promise<readonly GenerationInfo[]>;
  /** How the last one that was started here is getting on; null where there was none. */
  progress(model: ModelName): RebuildProgress | null;
}

export class RebuildRunning extends Error {
  override readonly name = "RebuildRunning";
}

/** What whoever rebuilds works on. */
type RebuildBackends = Pick<RebuildOptions, "stream" | "catalogue" | "hashing" | "clock"> &
  Readonly<{ locks: RoleLocks }>;

export type RebuildJob = Omit<RebuildOptions, keyof RebuildBackends> &
  Readonly<{ backends: RebuildBackends }>;

const lockName = (model: ModelName): string => `rebuild-${model}`;

/** @throws RebuildRunning where this model is being rebuilt, by whatever process. */
export async function lockRebuild(
  { locks }: Pick<RebuildBackends, "locks">,
  model: ModelName,
): Promise<HeldLock> {
  const lock = await locks.tryAcquire(lockName(model));
  if (lock !== null) return lock;
  throw new RebuildRunning(`a rebuild of ${model} is running: wait until it has ended`);
}

/** Rebuilds a model, with nobody else at it; a generation that does not become live is dropped. */
export async function runRebuild(job: RebuildJob): Promise<RebuildResult> {
  const lock = await lockRebuild(job.backends, job.projection.model);
  try {
    return await rebuildLocked(job);
  } finally {
    await lock.release();
  }
}

/** The same for who holds the lock already. */
export async function rebuildLocked(job: RebuildJob): Promise<RebuildResult> {
  const { backends, ...rest } = job;
  const { model } = job.projection;
  const result = await rebuildModel({ ...backends, ...rest });
  // Kept, it would be what a rollback goes back to.
  if (result.outcome !== "activated") await backends.catalogue.drop(model, result.generation);
  else {
    await catchUpUnattended(backends, job.projection);
    await pruneGenerations({ ...backends, model });
  }
  return result;
}

/**
 * Builds and activates the generation of a new model version, beside the one that is served.
 *
 * @returns null where the signal came before the lock
 */
export async function upgradeModel(
  job: RebuildJob & Readonly<{ signal: AbortSignal }>,
): Promise<RebuildResult | null> {
  const { backends, signal, ...rest } = job;
  const { model } = job.projection;
  // An operator's rebuild of the same model would be the same work done twice.
  const lock = await backends.locks.acquire(lockName(model), signal);
  if (lock === null) return null;
  try {
    const result = await rebuildModel({ ...backends, ...rest, signal, cause: "upgrade" });
    if (result.outcome === "activated") await pruneGenerations({ ...backends, model });
    return result;
  } finally {
    await lock.release();
  }
}

const LOCK_WAIT_MS = 250;

/** Where no projector runs, projects the live generation past its activation, so that it is served. */
export async function catchUpUnattended(
  { locks, stream, catalogue, hashing }: RebuildBackends,
  projection: Projection,
): Promise<void> {
  const { model } = projection;
  // Not a single try: who asks for the status may hold the lock for a moment.
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
  /** Names the program in the activation. */
  build: string;
  cause?: "rebuild" | "upgrade";
  /** Activates also where the digests differ. */
  force?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: RebuildStep) => void;
}>;

export type RebuildStep = Readonly<{
  state: "building" | "comparing";
  generation: number;
  position: number;
  /** Where the building ends, as known now. */
  target: number;
}>;

export type RebuildResult = Readonly<{
  outcome: "activated" | "refused" | "aborted";
  generation: number;
  /** The new generation's checkpoint where it was compared. */
  rebuilt: Checkpoint;
  /** The live one's there; null where there was none to compare with. */
  live: Checkpoint | null;
  differences: readonly RowDifference[];
  /** Where the live generation is of another model version: what that one said otherwise. */
  versions: VersionDifferences | null;
  durationMs: number;
}>;

const DIFFERENCES_SHOWN = 20;

/**
 * Builds the next generation of a model beside the live one, compares the two at one position, and
 * activates it by an event on the stream. A kill at any point leaves the live one untouched.
 */
export async function rebuildModel(options: RebuildOptions): Promise<RebuildResult> {
  const { stream, catalogue, projection, hashing, clock } = options;
  const { model, tables, version: modelVersion } = projection;
  const started = clock.now();
  const live = await liveGeneration(stream, model);
  const generation = await catalogue.create(model, { tables, modelVersion });
  if (generation === null) throw new Error(`no generation of ${model} could be claimed`);
  const store = await catalogue.openForBuilding(model, generation, tables);
  let isFinished = false;
  try {
    const run = await openProjectionRun({ stream, projection, store, hashing });
    await build(options, run, generation, live);
    const compared = await compareWithLive(options, run, store, live, generation);
    const durationMs = Number((clock.now() - started) / 1_000_000n);
    const { isEqual, ...found } = compared;
    const result = { generation, ...found, durationMs };
    if (options.signal?.aborted) return { outcome: "aborted", ...result };
    // From here on it is a generation like any other, whether it is made the live one or not.
    await store.finish();
    isFinished = true;
    if (!isEqual && !options.force) return { outcome: "refused", ...result };
    const { cause = "rebuild" } = options;
    await activateGeneration({ ...options, cause, isForced: !isEqual }, result);
    return { outcome: "activated", ...result };
  } finally {
    await store.close();
    if (!isFinished) await catalogue.drop(model, generation);
  }
}

/** Never past the live generation, so that both can be compared where it stands. */
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
 * The live generation, where it was made from this stream, and has begun. What followed another
 * stream is nothing to compare with: a rebuild is how a fork is ended.
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
  try {
    return await reader.snapshot(async (rows, checkpoint) => {
      const { position } = checkpoint;
      onProgress?.({ state: "comparing", generation, position, target: position });
      const rebuilt = await runTo(stream, run, position);
      if (comparable.modelVersion !== projection.version) {
        // It says other things on purpose; a person may want to see which.
        const versions = await compareVersions(projection.tables, rows, store, position);
        return { isEqual: true, rebuilt, live: checkpoint, differences: [], versions };
      }
      if (rebuilt.digest === checkpoint.digest) {
        return { isEqual: true, rebuilt, live: checkpoint, differences: [], versions: null };
      }
      const differences = await compareRows(projection.tables, rows, store, DIFFERENCES_SHOWN);
      // A live model that had to leave facts out must differ from one that folded them.
      const isEqual = await hasStopped(rows);
      return { isEqual, rebuilt, live: checkpoint, differences, versions: null };
    });
  } catch (error) {
    // What is damaged is no reason to go on serving it.
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

async function hasStopped(rows: Rows): Promise<boolean> {
  return (await rows.count(STOPPED)) > 0;
}

/** Beside the live one: what a rollback goes back to, and what who lags behind may still read. */
const KEPT_BEFORE = 2;

type PruneOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  model: ModelName;
}>;

/**
 * Drops the generations of a model that nobody goes back to: all but the live one and the two that
 * were live before it, among them what rebuilds left that were killed. Only the holder of the model's
 * rebuild lock may do it, since whoever is building holds that.
 *
 * A process that follows the stream reads the live generation or, until it has seen the activation,
 * the one before, so that what is dropped was left by everybody two activations ago. A publisher that
 * is further behind finds on the topics what it had told (publish/republish.ts). Generations of
 * a newer program are not in this one's catalogue, and stay.
 *
 * @returns what was dropped
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

/** @param activated oldest first; before all of them generation 1 was live. */
export function keptGenerations(activated: readonly number[]): ReadonlySet<number> {
  const latestFirst = [1, ...activated].toReversed();
  return new Set([...new Set(latestFirst)].slice(0, 1 + KEPT_BEFORE));
}

type RollbackOptions = Pick<
  RebuildOptions,
  "stream" | "catalogue" | "projection" | "hashing" | "clock" | "build"
> &
  Readonly<{
    /** Without one, the greatest kept generation below the live one. */
    generation?: number;
  }>;

/**
 * Activates a kept generation of the same model version again, after catching it up.
 *
 * @throws GenerationMissing where there is none to go back to.
 */
export async function rollbackModel(options: RollbackOptions): Promise<Activated> {
  const { stream, catalogue, projection, clock } = options;
  const started = clock.now();
  const live = await liveGeneration(stream, projection.model);
  const kept = (await catalogue.generations(projection.model)).filter(
    ({ generation, modelVersion }) =>
      generation !== live.generation && modelVersion === projection.version,
  );
  const wanted = options.generation;
  const target = kept.findLast(({ generation }) =>
    wanted === undefined ? generation < live.generation : generation === wanted,
  );
  if (target === undefined) {
    const numbers = kept.map(({ generation }) => generation).join(", ") || "none";
    throw new GenerationMissing(
      `${projection.model} has no ${wanted === undefined ? "older generation" : `generation ${wanted}`} of model version ${projection.version} beside the live ${live.generation}; kept: ${numbers}`,
    );
  }
  const { generation } = target;
  const store = await catalogue.openForWriting(projection.model, generation);
  const rebuilt = await catchUp(options, store);
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
