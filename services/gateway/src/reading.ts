import type { ModelName } from "@counterfoil/contracts/fact";
import { Problem } from "@counterfoil/http/problem";
import type { Found } from "@counterfoil/processing/queries/found";
import type { ReadModel } from "@counterfoil/processing/queries/serving";
import { type StuckRule, stuckRule } from "@counterfoil/processing/queries/stuck";
import type { Sources } from "./deps.ts";

/** How long a request waits for a read model to reach a position. */
export const POSITION_WAIT_MS = 5_000;

export type Reading = Readonly<{
  model: ModelName;
  /** Wait until the model has reached it. */
  minPosition: number | undefined;
  disconnected: () => AbortSignal;
}>;

/**
 * Reads a model, once it has reached the position that was asked for.
 *
 * @throws Problem position_timeout, model_unavailable
 */
export async function readModel<T>(
  sources: Sources,
  { model, minPosition, disconnected }: Reading,
  read: ReadModel<T>,
): Promise<T> {
  if (minPosition !== undefined) await reachPosition(sources, model, minPosition, disconnected());
  return sources.models.snapshot(model, read);
}

async function reachPosition(
  { models, clock, stopping }: Sources,
  model: ModelName,
  position: number,
  disconnected: AbortSignal,
): Promise<void> {
  const limit = new AbortController();
  const end = AbortSignal.any([disconnected, stopping, limit.signal]);
  void clock.sleep(POSITION_WAIT_MS, end).then(() => limit.abort());
  const isReached = await models.waitFor(model, position, end);
  limit.abort();
  if (isReached) return;
  const found = await models.snapshot(model, async (_rows, checkpoint) => checkpoint.position);
  throw new Problem(
    "position_timeout",
    `${model} is at position ${found}, and ${position} was asked for: ask again`,
  );
}

/** @throws Problem not_found, ambiguous_id */
export function oneFound<Record>(found: Found<Record>, what: string, id: string): Record {
  if (found.outcome === "found") return found.record;
  if (found.outcome === "missing") throw new Problem("not_found", `there is no ${what} "${id}"`);
  const { candidates } = found;
  const detail = `"${id}" stands for ${candidates.length} of them: ask for one by its own id`;
  throw new Problem("ambiguous_id", detail, { candidates: [...candidates] });
}

export function stuckNow({ clock, config }: Pick<Sources, "clock" | "config">): StuckRule {
  return stuckRule(clock.now(), config.COUNTERFOIL_STUCK_AFTER);
}
