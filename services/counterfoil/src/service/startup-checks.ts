import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import { liveGeneration } from "@counterfoil/processing/generations";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { isEngineError, StreamForked } from "@counterfoil/processing/ports/errors";
import { checkEnds, checkNotForked } from "@counterfoil/processing/stream-guard";

/**
 * What must hold before anything is appended: the stream's ends are sound, and no live model has
 * followed another stream than this one.
 *
 * @throws StreamCorrupted, StreamForked
 */
export async function checkBeforeStart(backends: Backends): Promise<void> {
  await checkEnds(backends);
  const forks: string[] = [];
  for (const model of MODEL_NAMES) {
    const fork = await forkOf(backends, model);
    if (fork !== null) forks.push(fork.message);
  }
  if (forks.length === 0) return;
  throw new StreamForked([...forks, "`counterfoil rebuild all` goes on from here"].join("\n"));
}

async function forkOf(
  { stream, catalogue }: Backends,
  model: ModelName,
): Promise<StreamForked | null> {
  try {
    const { generation } = await liveGeneration(stream, model);
    const known = await catalogue.generations(model);
    const live = known.find((other) => other.generation === generation);
    if (live !== undefined) await checkNotForked(stream, live.checkpoint, model);
    return null;
  } catch (error) {
    if (error instanceof StreamForked) return error;
    // A model that cannot be read can be rebuilt; it does not keep webhooks out.
    if (isEngineError(error)) return null;
    throw error;
  }
}
