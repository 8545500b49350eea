import type { DataOf } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { compareRows, type RowDifference } from "./compare-rows.ts";
import { checkNotForked, type Folding, openFolding } from "./folding.ts";
import { type Activation, liveGeneration } from "./generations.ts";
import { STOPPED } from "./models/columns.ts";
import type { Clock } from "./ports/clock.ts";
import { GenerationMissing, StreamForked } from "./ports/errors.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { Checkpoint, ModelCatalogue, ModelStore, Rows } from "./ports/model-store.ts";
import type { Projection } from "./projection/projection.ts";

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
  durationMs: number;
}>;

/** Events of one commit: large, since nobody waits for a rebuild's rows one by one. */
const BATCH = 10_000;
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
  const store = await catalogue.openForWriting(model, generation);
  try {
    const folding = await openFolding({ stream, projection, store, hashing });
    await build(options, folding, generation, live);
    const compared = await compareWithLive(options, folding, store, live, generation);
    const durationMs = Number((clock.now() - started) / 1_000_000n);
    const result = { generation, ...compared, durationMs };
    if (options.signal?.aborted) return { outcome: "aborted", ...result };
    if (!compared.isEqual && !options.force) return { outcome: "refused", ...result };
    // Whoever follows the activation opens this generation for writing.
    await store.close();
    await activate(options, result, !compared.isEqual);
    return { outcome: "activated", ...result };
  } finally {
    await store.close();
  }
}

/** Never past the live generation, so that both can be compared where it stands. */
async function build(
  options: RebuildOptions,
  folding: Folding,
  generation: number,
  live: Activation,
): Promise<void> {
  const { stream, signal, onProgress } = options;
  let target = await buildTarget(options, live);
  while (folding.checkpoint.position < target && !signal?.aborted) {
    const { position: after } = folding.checkpoint;
    const events = await stream.read({ after, limit: Math.min(BATCH, target - after) });
    if (events.length === 0) return;
    const { position } = await folding.fold(events);
    onProgress?.({ state: "building", generation, position, target });
    if (position >= target) target = await buildTarget(options, live);
    if (position === after) return;
    if (target - position < BATCH / 10) return;
  }
}

async function buildTarget(options: RebuildOptions, live: Activation): Promise<number> {
  const known = await comparableLive(options, live);
  return known?.checkpoint.position ?? (await options.stream.head()).position;
}

/** The live generation, where this version of the model made it from this stream, and it has begun. */
async function comparableLive({ stream, catalogue, projection }: RebuildOptions, live: Activation) {
  const known = await catalogue.generations(projection.model);
  const made = known.find(
    ({ generation, modelVersion, checkpoint }) =>
      generation === live.generation &&
      modelVersion === projection.version &&
      checkpoint.position > 0,
  );
  return made !== undefined && (await isOnStream(stream, made.checkpoint)) ? made : undefined;
}

/** What followed another stream is nothing to compare with: a rebuild is how a fork is ended. */
async function isOnStream(stream: EventStream, checkpoint: Checkpoint): Promise<boolean> {
  try {
    await checkNotForked(stream, checkpoint, "the live generation");
    return true;
  } catch (error) {
    if (error instanceof StreamForked) return false;
    throw error;
  }
}

type Comparison = Readonly<{
  isEqual: boolean;
  rebuilt: Checkpoint;
  live: Checkpoint | null;
  differences: readonly RowDifference[];
}>;

async function compareWithLive(
  options: RebuildOptions,
  folding: Folding,
  store: ModelStore,
  live: Activation,
  generation: number,
): Promise<Comparison> {
  const { catalogue, projection, onProgress, stream } = options;
  const comparable = await comparableLive(options, live);
  if (comparable === undefined) {
    await foldTo(stream, folding, (await stream.head()).position);
    return { isEqual: true, rebuilt: folding.checkpoint, live: null, differences: [] };
  }
  const reader = await catalogue.openForReading(projection.model, live.generation);
  try {
    return await reader.snapshot(async (rows, checkpoint) => {
      const { position } = checkpoint;
      onProgress?.({ state: "comparing", generation, position, target: position });
      const rebuilt = await foldTo(stream, folding, position);
      if (rebuilt.digest === checkpoint.digest) {
        return { isEqual: true, rebuilt, live: checkpoint, differences: [] };
      }
      const differences = await compareRows(projection.tables, rows, store, DIFFERENCES_SHOWN);
      // A live model that had to leave facts out must differ from one that folded them.
      const isEqual = await hasStopped(rows);
      return { isEqual, rebuilt, live: checkpoint, differences };
    });
  } finally {
    await reader.close();
  }
}

async function hasStopped(rows: Rows): Promise<boolean> {
  return (await rows.count(STOPPED)) > 0;
}

/** Folds up to a position, and no further. */
export async function foldTo(
  stream: EventStream,
  folding: Folding,
  position: number,
): Promise<Checkpoint> {
  for (;;) {
    const { position: after } = folding.checkpoint;
    if (after >= position) return folding.checkpoint;
    const events = await stream.read({ after, limit: Math.min(BATCH, position - after) });
    if (events.length === 0) return folding.checkpoint;
    await folding.fold(events);
  }
}

type Activated = Pick<RebuildResult, "generation" | "rebuilt" | "durationMs">;

async function activate(
  options: Pick<RebuildOptions, "stream" | "projection" | "build" | "hashing" | "cause">,
  { generation, rebuilt, durationMs }: Activated,
  forced: boolean,
): Promise<void> {
  const { projection, build, cause = "rebuild" } = options;
  await appendActivation(options, {
    model: projection.model,
    generation,
    model_version: projection.version,
    build,
    compared_at: String(rebuilt.position),
    digest: rebuilt.digest,
    state_digest: rebuilt.state_digest,
    duration_ms: durationMs,
    cause,
    ...(forced ? { forced } : {}),
  });
}

async function appendActivation(
  { stream, hashing }: Pick<RebuildOptions, "stream" | "hashing">,
  data: DataOf<"ModelActivated">,
): Promise<number> {
  for (;;) {
    const head = await stream.head();
    const { model, generation } = data;
    // A kept generation may be activated again: the place tells the two apart.
    const identity = ["ModelActivated", model, String(generation), String(head.position)] as const;
    const envelope = { id: eventId(identity, hashing), subject: "ledger" };
    const cause = { deliveryId: null, correlationId: null };
    const event = newEvent({ type: "ModelActivated", data }, envelope, cause);
    const result = await stream.append(head.position, [event]);
    if (result.outcome === "appended") return result.head.position;
  }
}

export type RollbackOptions = Pick<
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
  const { stream, catalogue, projection, hashing, clock } = options;
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
  await appendActivation(
    { stream, hashing },
    {
      model: projection.model,
      generation,
      model_version: projection.version,
      build: options.build,
      compared_at: String(rebuilt.position),
      digest: rebuilt.digest,
      state_digest: rebuilt.state_digest,
      duration_ms: durationMs,
      cause: "rollback",
    },
  );
  return activated;
}

async function catchUp(
  { stream, projection, hashing }: RollbackOptions,
  store: ModelStore,
): Promise<Checkpoint> {
  try {
    const folding = await openFolding({ stream, projection, store, hashing });
    return await foldTo(stream, folding, (await stream.head()).position);
  } finally {
    await store.close();
  }
}
