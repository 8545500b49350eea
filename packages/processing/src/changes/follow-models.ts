import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { STOPPED } from "../models/columns.ts";
import type { ServedModels } from "../queries/serving.ts";
import type { ReadChangesDeps } from "./read.ts";
import { FOLLOWED_SINCE } from "./source.ts";

/** How far a model can be followed, and which of its subjects are stopped there. */
export type FollowedModel = Readonly<{ position: number; stopped: ReadonlySet<string> }>;

/** Subjects that are compared; of more than that it is only known that there are more. */
const STOPPED_MAX = 100;

/**
 * Looks how far each model can be followed in the generation that is served.
 *
 * @returns null for a model that cannot be read just now
 */
export function createLook(deps: ReadChangesDeps) {
  const isFollowed = new Map<string, boolean>();

  async function look(model: ModelName): Promise<FollowedModel | null> {
    const { position, generation, stopped } = await glance(deps.models, model);
    const key = `${model}:${generation}`;
    if (!isFollowed.has(key)) isFollowed.set(key, await isOfPresentRows(deps, model, generation));
    if (isFollowed.get(key) !== true) return null;
    const end = await endOf(deps, model, generation);
    return end === null ? null : { position: Math.min(position, end), stopped };
  }

  return async (
    onFailure: (model: ModelName, error: unknown) => void,
  ): Promise<ReadonlyMap<ModelName, FollowedModel | null>> => {
    const found = new Map<ModelName, FollowedModel | null>();
    await deps.activations.refreshIfAvailable();
    for (const model of modelName.options) {
      try {
        found.set(model, await look(model));
      } catch (error) {
        onFailure(model, error);
        found.set(model, null);
      }
    }
    return found;
  };
}

const glance = (models: ServedModels, model: ModelName) =>
  models.snapshot(model, async (rows, { position }, generation) => {
    const found = await rows.select(STOPPED, { orderBy: ["subject"], limit: STOPPED_MAX });
    const stopped = new Set(found.map((one) => `${one.position}:${one.subject}`));
    return { position, generation, stopped };
  });

async function isOfPresentRows(
  { catalogue }: ReadChangesDeps,
  model: ModelName,
  generation: number,
): Promise<boolean> {
  const known = await catalogue.generations(model);
  const { modelVersion = 0 } = known.find((one) => one.generation === generation) ?? {};
  return modelVersion >= FOLLOWED_SINCE;
}

/** Behind the next activation another generation is live. @returns null where this one is too new to be known */
async function endOf(
  { activations }: ReadChangesDeps,
  model: ModelName,
  generation: number,
): Promise<number | null> {
  const latestFirst = activations.latestFirst(model);
  const at = latestFirst.findIndex((activation) => activation.generation === generation);
  if (at === -1) return null;
  return at === 0 ? Number.MAX_SAFE_INTEGER : (latestFirst[at - 1]?.position ?? null);
}
