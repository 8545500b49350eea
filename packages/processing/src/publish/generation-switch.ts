import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "../models/registry.ts";
import type { GenerationInfo } from "../ports/model-store.ts";
import type { PublisherCheckpoint } from "./checkpoint.ts";
import type { PublishContext } from "./context.ts";
import { isBuiltAfter } from "./follow-model.ts";
import { FOLLOWED_SINCE } from "./source.ts";

/** Readers were told of one generation, and another one is live where the publisher stands. */
export type GenerationSwitch = Readonly<{
  model: ModelName;
  generation: number;
  version: number;
  /**
   * The generation that readers were told of; null where its rows are not here any more, so that
   * the topics alone know what they were told.
   */
  told: number | null;
}>;

export type Switches = Readonly<{
  /** Those that can be made. */
  ready: readonly GenerationSwitch[];
  /** Whether a generation that is live has not been built up to where the publisher stands. */
  isWaiting: boolean;
  /** Generations whose rows are looked at for the first time, with their version. */
  begun: readonly Readonly<{ model: ModelName; version: number }>[];
}>;

/**
 * Compares what readers were told with what is live where the publisher stands.
 *
 * @param isThorough also where the number is the same: its rows may have been made again by a
 *   program of another version while no publisher ran.
 */
export async function findSwitches(
  context: PublishContext,
  { position, models }: PublisherCheckpoint,
  isThorough: boolean,
): Promise<Switches> {
  const ready: GenerationSwitch[] = [];
  const begun: { model: ModelName; version: number }[] = [];
  let isWaiting = false;
  for (const model of MODEL_NAMES) {
    const live = context.log.liveAt(model, position);
    const told = models[model];
    const isKnown = live.generation === told.generation && told.version !== null;
    if (isKnown && !isThorough) continue;
    const known = await context.catalogue.generations(model);
    const found = known.find(({ generation }) => generation === live.generation);
    if (live.generation === told.generation && found?.modelVersion === told.version) continue;
    if (live.generation === told.generation && (found === undefined || told.version === null)) {
      // A generation that was passed by is not taken up in the middle.
      const isFresh = found !== undefined && live.position === position;
      if (isFresh) begun.push({ model, version: found.modelVersion });
      continue;
    }
    if (found !== undefined && found.checkpoint.position >= position) {
      const { generation, modelVersion: version } = found;
      ready.push({ model, generation, version, told: toldIn(known, told) });
      continue;
    }
    await context.log.refresh();
    // One that nobody will build any further is passed by: readers go over to the one after it.
    if (!(await isBuiltAfter(context, model, position))) isWaiting = true;
  }
  return { ready, isWaiting, begun };
}

/** The rows that readers were told of, where they are still those. */
function toldIn(
  known: readonly GenerationInfo[],
  { generation, version }: PublisherCheckpoint["models"][ModelName],
): number | null {
  if (version === null || version < FOLLOWED_SINCE) return null;
  const found = known.find((other) => other.generation === generation);
  return found?.modelVersion === version ? generation : null;
}
