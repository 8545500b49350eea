import type { ModelName } from "@counterfoil/contracts/fact";
import { modelName } from "@counterfoil/contracts/fact";
import type { ProjectionStatus, StatusRecord } from "@counterfoil/contracts/record";
import { EMPTY_DIGEST } from "@counterfoil/core/digest";
import type { EventStream } from "../ports/event-stream.ts";
import type { Checkpoint } from "../ports/model-store.ts";
import type { ServedModels } from "./serving.ts";

export const MODELS: readonly ModelName[] = modelName.options;

export type Installation = Pick<StatusRecord, "ledger" | "environment" | "engine">;

/** The head, and how far each projection has come. */
export async function readStatus(
  stream: EventStream,
  models: ServedModels,
  installation: Installation,
): Promise<StatusRecord> {
  const projections: ProjectionStatus[] = [];
  for (const model of MODELS) projections.push(await projectionStatus(stream, models, model));
  const { position, hash } = await stream.head();
  return {
    ...installation,
    head: String(position),
    head_hash: hash,
    projections: projections.map((projection) => {
      const lag = Math.max(0, position - Number(projection.position));
      return { ...projection, lag, state: lagging(projection.state, lag) };
    }),
  };
}

const lagging = (state: ProjectionStatus["state"], lag: number): ProjectionStatus["state"] =>
  state === "live" && lag > 0 ? "catching_up" : state;

/** `waiting`: no generation is here yet; `forked`: it followed another stream. */
async function projectionStatus(
  stream: EventStream,
  models: ServedModels,
  name: ModelName,
): Promise<ProjectionStatus> {
  const served = await models.info(name);
  if (served === null) return { name, ...NOTHING_SERVED };
  const { checkpoint, generation, modelVersion, stoppedKeys } = served;
  return {
    name,
    position: String(checkpoint.position),
    lag: 0,
    generation,
    model_version: modelVersion,
    digest: checkpoint.digest,
    state_digest: checkpoint.state_digest,
    state: (await isForked(stream, checkpoint)) ? "forked" : "live",
    stopped_keys: stoppedKeys,
  };
}

const NOTHING_SERVED = {
  position: "0",
  lag: 0,
  generation: 1,
  model_version: 1,
  digest: EMPTY_DIGEST,
  state_digest: EMPTY_DIGEST,
  state: "waiting",
  stopped_keys: 0,
} as const;

async function isForked(stream: EventStream, { position, hash }: Checkpoint): Promise<boolean> {
  if (position === 0) return false;
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  return event?.position !== position || event.hash !== hash;
}
