import type { ModelName } from "@counterfoil/contracts/fact";
import { activationsOf } from "./generations.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { ModelCatalogue } from "./ports/model-store.ts";

/** Beside the live one: what a rollback goes back to, and what who lags behind may still read. */
const KEPT_BEFORE = 2;

export type PruneOptions = Readonly<{
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
 * is further behind finds on the topics what it had told (publish/removed-records.ts). Generations of
 * a newer program are not in this one's catalogue, and stay.
 *
 * @returns what was dropped
 */
export async function pruneGenerations({
  stream,
  catalogue,
  model,
}: PruneOptions): Promise<readonly number[]> {
  const activated = (await activationsOf(stream, model)).map(({ generation }) => generation);
  const kept = keptGenerations(activated);
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
