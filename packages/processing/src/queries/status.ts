import type { ModelName } from "@counterfoil/contracts/fact";
import { modelName } from "@counterfoil/contracts/fact";
import type { ProjectionStatus, StatusRecord } from "@counterfoil/contracts/record";
import { EMPTY_DIGEST } from "@counterfoil/core/hashing";
import { ModelCorrupted } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Checkpoint } from "../ports/model-store.ts";
import { projectorLock, type RoleLocks } from "../ports/role-lock.ts";
import { NO_DIGEST } from "./event-standing.ts";
import type { Platform } from "./platform.ts";
import type { ServedModels } from "./serving.ts";

export const MODELS: readonly ModelName[] = modelName.options;

export type Installation = Pick<StatusRecord, "ledger" | "environment" | "engine">;

export type StatusSources = Readonly<{
  stream: EventStream;
  models: ServedModels;
  /** Where they are not given, nobody knows whether a projector is at a model. */
  locks?: Pick<RoleLocks, "tryAcquire"> | undefined;
}>;

/** The head, and how far each projection has come. */
export async function readStatus(
  { stream, models, locks }: StatusSources,
  installation: Installation,
): Promise<StatusRecord> {
  const read: ProjectionStatus[] = [];
  for (const model of MODELS) read.push(await projectionStatus(stream, models, model));
  const { position, hash } = await stream.head();
  const projections: ProjectionStatus[] = [];
  for (const projection of read) {
    const lag = Math.max(0, position - Number(projection.position));
    const isBehind = projection.state === "live" && lag > 0;
    const state = isBehind ? await stateBehind(projection.name, locks) : projection.state;
    projections.push({ ...projection, lag, state });
  }
  return { ...installation, head: String(position), head_hash: hash, projections };
}

/** How things are going, without digests and counts in which other platforms have a part. */
export function statusFor(status: StatusRecord, platform: Platform): StatusRecord {
  if (platform === null) return status;
  const { ledger, environment, engine, head, projections } = status;
  return {
    ...{ ledger, environment, engine, head, head_hash: NO_DIGEST },
    // One by one: what is added to a status some day is not shown by itself.
    projections: projections.map((each) => ({
      name: each.name,
      position: each.position,
      lag: each.lag,
      generation: each.generation,
      model_version: each.model_version,
      digest: NO_DIGEST,
      state_digest: NO_DIGEST,
      state: each.state,
      stopped_keys: 0,
    })),
  };
}

/**
 * `stopped`: events wait, and no projector holds the model's lock: none was started, or it died. A
 * subject whose facts cannot be folded stops only itself, and is counted in `stopped_keys`.
 */
async function stateBehind(
  model: ModelName,
  locks: StatusSources["locks"],
): Promise<"catching_up" | "stopped"> {
  // A lock that cannot be looked at says nothing.
  const lock = await locks?.tryAcquire(projectorLock(model)).catch(() => null);
  if (!lock) return "catching_up";
  await lock.release();
  return "stopped";
}

/**
 * `waiting`: no generation is here yet; `unreadable`: it is damaged, and waits for a rebuild; `forked`:
 * it followed another stream.
 */
async function projectionStatus(
  stream: EventStream,
  models: ServedModels,
  name: ModelName,
): Promise<ProjectionStatus> {
  const served = await models.info(name).catch(unreadable);
  if (served === null) return { name, ...NOTHING_SERVED };
  if (served === "unreadable") return { name, ...NOTHING_SERVED, state: served };
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

function unreadable(error: unknown): "unreadable" {
  if (error instanceof ModelCorrupted) return "unreadable";
  throw error;
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
