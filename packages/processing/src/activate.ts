import type { DataOf } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { appendContended, type Contender } from "./append-decided.ts";
import type { Checkpoint } from "./ports/model-store.ts";
import type { Projection } from "./projection/projection.ts";

export type Activated = Readonly<{
  generation: number;
  /** Where the generation was compared, or caught up to. */
  rebuilt: Checkpoint;
  durationMs: number;
}>;

export type ActivateOptions = Contender &
  Readonly<{
    projection: Projection;
    hashing: Hashing;
    /** Names the program. */
    build: string;
    cause: DataOf<"ModelActivated">["cause"];
    /** Although the digests differ. */
    isForced?: boolean;
  }>;

/** Makes a generation the live one: by an event, so that every process sees the same. */
export async function activateGeneration(
  options: ActivateOptions,
  { generation, rebuilt, durationMs }: Activated,
): Promise<void> {
  const { stream, projection, hashing, build, cause, isForced = false } = options;
  const { model, version } = projection;
  const data: DataOf<"ModelActivated"> = {
    model,
    generation,
    model_version: version,
    build,
    compared_at: String(rebuilt.position),
    digest: rebuilt.digest,
    state_digest: rebuilt.state_digest,
    duration_ms: durationMs,
    cause,
    ...(isForced ? { forced: true } : {}),
  };
  await appendContended(options, async () => {
    const head = await stream.head();
    // A kept generation may be activated again: the place tells the two apart.
    const identity = ["ModelActivated", model, String(generation), String(head.position)] as const;
    const envelope = { id: eventId(identity, hashing), subject: "ledger" };
    const event = newEvent({ type: "ModelActivated", data }, envelope, NO_CAUSE);
    return (await stream.append(head.position, [event])).outcome;
  });
}

const NO_CAUSE = { deliveryId: null, correlationId: null };
