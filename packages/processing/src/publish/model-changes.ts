import type { ModelName } from "@counterfoil/contracts/fact";
import { type Change, type ChangeRange, readChanges, readStopped } from "../changes/change-rows.ts";
import { FOLLOWED_SINCE, sourcesOf } from "../changes/source.ts";
import { isUnreadable } from "../ports/errors.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import type { PublishedModel } from "./checkpoint.ts";
import type { PublishContext } from "./context.ts";

/** The changes of a model's rows in a range of positions, and up to where they are known. */
type Followed = Readonly<{
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
  { generation, version, range }: PublishedModel & Readonly<{ range: ChangeRange }>,
): Promise<Followed> {
  const { readers, activations, limits } = context;
  const { after, upTo } = range;
  if (version === null || version < FOLLOWED_SINCE) return skipRange(context, model, range);
  try {
    return await readers.snapshot(model, generation, async (rows, { position }) => {
      const isBehind = position < upTo;
      if (isBehind) await activations.refresh();
      const isSuperseded = isBehind && (await isBuiltAfter(context, model, after));
      const end = isBehind && !isSuperseded ? position : upTo;
      if (end <= after) return { upTo: after, ...NOTHING };
      const read = await readChanges(rows, sourcesOf(model), { after, upTo: end, limits });
      return { ...read, stopped: await readStopped(rows) };
    });
  } catch (error) {
    if (isUnreadable(error)) return skipRange(context, model, range);
    throw error;
  }
}

/** Skips a generation that cannot be read, where a later one has taken its place: that one is published whole. */
async function skipRange(context: PublishContext, model: ModelName, { after, upTo }: ChangeRange) {
  await context.activations.refresh();
  return { upTo: (await isBuiltAfter(context, model, after)) ? upTo : after, ...NOTHING };
}

/**
 * Whether a generation that is activated later has been built up to its activation. From then on
 * nobody projects the ones before it any further.
 */
export async function isBuiltAfter(
  { catalogue, activations }: PublishContext,
  model: ModelName,
  position: number,
): Promise<boolean> {
  const later = activations.after(model, position);
  if (later.length === 0) return false;
  const known = await catalogue.generations(model);
  return later.some((activation) =>
    known.some(
      ({ generation, checkpoint }) =>
        generation === activation.generation && checkpoint.position >= activation.position,
    ),
  );
}
