import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "../models/registry.ts";
import type { GenerationInfo } from "../ports/model-store.ts";
import type { PublisherCheckpoint } from "./checkpoint.ts";
import type { PublishContext } from "./context.ts";
import { isBuiltAfter } from "./follow-model.ts";
import { FOLLOWED_SINCE } from "./source.ts";

/** One generation has been published, and another one is live at the publisher's position. */
export type GenerationSwitch = Readonly<{
  model: ModelName;
  generation: number;
  version: number;
  /**
   * The generation that has been published; null where its rows are gone, so that the topics alone
   * say what was published.
   */
  published: number | null;
}>;

export type Switches = Readonly<{
  /** Those that can be made. */
  ready: readonly GenerationSwitch[];
  /** Whether a live generation has not been built up to the publisher's position. */
  isWaiting: boolean;
  /** Generations whose rows are published for the first time, with their version. */
  begun: readonly Readonly<{ model: ModelName; version: number }>[];
}>;

/**
 * Compares what has been published with what is live at the publisher's position.
 *
 * @param isThorough also where the number is the same: a program of another version may have built
 *   its rows again while no publisher ran.
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
    const published = models[model];
    const isKnown = live.generation === published.generation && published.version !== null;
    if (isKnown && !isThorough) continue;
    const known = await context.catalogue.generations(model);
    const found = known.find(({ generation }) => generation === live.generation);
    if (live.generation === published.generation && found?.modelVersion === published.version)
      continue;
    if (
      live.generation === published.generation &&
      (found === undefined || published.version === null)
    ) {
      // A generation that was skipped is not taken up in the middle.
      const isNew = found !== undefined && live.position === position;
      if (isNew) begun.push({ model, version: found.modelVersion });
      continue;
    }
    if (found !== undefined && found.checkpoint.position >= position) {
      const { generation, modelVersion: version } = found;
      ready.push({ model, generation, version, published: publishedRows(known, published) });
      continue;
    }
    await context.log.refresh();
    // One that nobody will build any further is skipped: the one after it is published.
    if (!(await isBuiltAfter(context, model, position))) isWaiting = true;
  }
  return { ready, isWaiting, begun };
}

/** The published generation, where its rows are still those that were published. */
function publishedRows(
  known: readonly GenerationInfo[],
  { generation, version }: PublisherCheckpoint["models"][ModelName],
): number | null {
  if (version === null || version < FOLLOWED_SINCE) return null;
  const found = known.find((other) => other.generation === generation);
  return found?.modelVersion === version ? generation : null;
}
