import type { ModelName } from "@counterfoil/contracts/fact";
import { GenerationMissing } from "../ports/errors.ts";
import type { StoppedSubject } from "../projection/projection.ts";
import type { PublishedModel } from "./checkpoint.ts";
import type { PublishContext } from "./context.ts";
import { type Change, type Range, readChanges, readStopped } from "./model-changes.ts";
import { FOLLOWED_SINCE, sourcesOf } from "./source.ts";

/** The changes of a model's rows in a range of positions, and up to where they are known. */
export type Followed = Readonly<{
  upTo: number;
  changes: readonly Change[];
  stopped: readonly StoppedSubject[];
}>;

const NOTHING = { changes: [], stopped: [] } as const;

/**
 * Follows a model in the generation that was live at the beginning of a range, which holds no
 * activation of it but at its end.
 */
export async function followModel(
  context: PublishContext,
  model: ModelName,
  { generation, version, range }: PublishedModel & Readonly<{ range: Range }>,
): Promise<Followed> {
  const { readers, log, limits } = context;
  const { count } = limits;
  const { after, upTo } = range;
  if (version === null || version < FOLLOWED_SINCE) return skipRange(context, model, range);
  try {
    return await readers.snapshot(model, generation, async (rows, { position }) => {
      const isBehind = position < upTo;
      if (isBehind) await log.refresh();
      const isSuperseded = isBehind && (await isBuiltAfter(context, model, after));
      const end = isBehind && !isSuperseded ? position : upTo;
      if (end <= after) return { upTo: after, ...NOTHING };
      const read = await readChanges(rows, sourcesOf(model), { after, upTo: end, count });
      return { ...read, stopped: await readStopped(rows) };
    });
  } catch (error) {
    if (error instanceof GenerationMissing) return skipRange(context, model, range);
    throw error;
  }
}

/** Skips a generation that is not here, where a later one has taken its place: that one is published whole. */
async function skipRange(context: PublishContext, model: ModelName, { after, upTo }: Range) {
  await context.log.refresh();
  return { upTo: (await isBuiltAfter(context, model, after)) ? upTo : after, ...NOTHING };
}

/**
 * Whether a generation that is activated later has been built up to its activation. From then on
 * nobody projects the ones before it any further.
 */
export async function isBuiltAfter(
  { catalogue, log }: PublishContext,
  model: ModelName,
  position: number,
): Promise<boolean> {
  const later = log.after(model, position);
  if (later.length === 0) return false;
  const known = await catalogue.generations(model);
  return later.some((activation) =>
    known.some(
      ({ generation, checkpoint }) =>
        generation === activation.generation && checkpoint.position >= activation.position,
    ),
  );
}
