import { GenerationMissing } from "../ports/errors.ts";
import type { Checkpoint, ModelStore } from "../ports/model-store.ts";
import { openProjectionRun, runTo } from "../projection/run.ts";
import { type Activated, activateGeneration, liveGeneration } from "./activations.ts";
import type { RebuildOptions } from "./rebuild.ts";

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
