import type { Hashing } from "@counterfoil/core/hashing";
import { activateGeneration } from "./activate.ts";
import { compareRows, type RowDifference } from "./compare-rows.ts";
import { compareVersions, type VersionDifferences } from "./compare-versions.ts";
import { type Activation, liveGeneration } from "./generations.ts";
import { STOPPED } from "./models/columns.ts";
import type { Clock } from "./ports/clock.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { Checkpoint, ModelCatalogue, ModelStore, Rows } from "./ports/model-store.ts";
import type { Projection } from "./projection/projection.ts";
import { openProjectionRun, type ProjectionRun, runNear, runTo } from "./projection/run.ts";
import { isOnStream } from "./stream-guard.ts";

export type RebuildOptions = Readonly<{
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
  if (comparable === undefined) {
    const rebuilt = await runTo(stream, run, (await stream.head()).position);
    return { isEqual: true, rebuilt, live: null, differences: [], versions: null };
  }
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
  } finally {
    await reader.close();
  }
}

async function hasStopped(rows: Rows): Promise<boolean> {
  return (await rows.count(STOPPED)) > 0;
}
