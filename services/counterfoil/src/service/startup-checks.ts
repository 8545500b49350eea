import type { Backends } from "@counterfoil/adapters/connect";
import { checkEnds } from "@counterfoil/processing/check-ends";
import { checkNotForked } from "@counterfoil/processing/folding";
import { liveGeneration } from "@counterfoil/processing/generations";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { isEngineError, StreamForked } from "@counterfoil/processing/ports/errors";

/**
 * What must hold before anything is appended: the stream's ends are sound, and no live model has
 * followed another stream than this one.
 *
 * @throws StreamCorrupted, StreamForked
 */
export async function checkBeforeStart(backends: Backends): Promise<void> {
  await checkEnds(backends);
  for (const model of MODEL_NAMES) await checkModel(backends, model);
}

async function checkModel({ stream, catalogue }: Backends, model: (typeof MODEL_NAMES)[number]) {
  try {
    const { generation } = await liveGeneration(stream, model);
    const known = await catalogue.generations(model);
    const live = known.find((other) => other.generation === generation);
    if (live !== undefined) await checkNotForked(stream, live.checkpoint, model);
  } catch (error) {
    // A model that cannot be read can be rebuilt; it does not keep webhooks out.
    if (error instanceof StreamForked) {
      throw new StreamForked(`${error.message} (counterfoil rebuild ${model})`, { cause: error });
    }
    if (!isEngineError(error)) throw error;
  }
}
