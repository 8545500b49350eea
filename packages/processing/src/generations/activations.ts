import type { DataOf, ModelName } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { readData } from "@counterfoil/core/stream/read-event";
import { appendContended, type ConcurrentWriter } from "../ingest/append-decided.ts";
import { StreamUnavailable } from "../ports/errors.ts";
import { type EventStream, readAll } from "../ports/event-stream.ts";
import type { Checkpoint } from "../ports/model-store.ts";
import type { Projection } from "../projection/projection.ts";

/** A generation of a model that is live from a position on. Only the stream determines it. */
export type Activation = Readonly<{
  generation: number;
  position: number;
  /** null for generation 1, which is live without an activation. */
  modelVersion: number | null;
  /** An operator activated it although its rows differ. */
  isForced: boolean;
}>;

const FIRST: Activation = { generation: 1, position: 0, modelVersion: null, isForced: false };

/** The activations of all models up to the position read so far. */
export interface Activations {
  /** Reads newly appended activations. */
  refresh(): Promise<void>;
  /** As `refresh`, but keeps the known activations while the stream is unavailable. */
  refreshIfAvailable(): Promise<void>;
  /** All activations of the model, latest first, ending with generation 1. */
  latestFirst(model: ModelName): readonly Activation[];
  /** The generation that is live at a position. */
  liveAt(model: ModelName, position: number): Activation;
  /** The activations of the model after a position, in order. */
  after(model: ModelName, position: number): readonly Activation[];
}

/** Follows the `ModelActivated` of a stream, on demand. */
export function followActivations(stream: EventStream): Activations {
  const known = new Map<ModelName, readonly Activation[]>();
  let readTo: number | null = null;
  let refreshing: Promise<void> | null = null;

  async function readNew(): Promise<void> {
    for await (const event of readAll(stream, ["ModelActivated"], readTo ?? 0)) {
      const { position } = event;
      const data = readData(event) as DataOf<"ModelActivated">;
      const { model, generation, model_version: modelVersion, forced: isForced = false } = data;
      const activation = { generation, position, modelVersion, isForced };
      known.set(model, [activation, ...(known.get(model) ?? [])]);
      readTo = position;
    }
    readTo ??= 0;
  }

  function refresh(): Promise<void> {
    refreshing ??= readNew().finally(() => {
      refreshing = null;
    });
    return refreshing;
  }

  const latestFirst = (model: ModelName) => [...(known.get(model) ?? []), FIRST];
  return {
    refresh,
    async refreshIfAvailable() {
      try {
        await refresh();
      } catch (error) {
        if (!(error instanceof StreamUnavailable) || readTo === null) throw error;
      }
    },
    latestFirst,
    liveAt: (model, position) =>
      latestFirst(model).find((activation) => activation.position <= position) ?? FIRST,
    after: (model, position) =>
      (known.get(model) ?? []).filter((activation) => activation.position > position).toReversed(),
  };
}

/** Reads which generation is live now. */
export async function liveGeneration(stream: EventStream, model: ModelName): Promise<Activation> {
  const [live = FIRST] = await activationsOf(stream, model);
  return live;
}

/** Reads all activations of the model, latest first, ending with generation 1. */
export async function activationsOf(
  stream: EventStream,
  model: ModelName,
): Promise<readonly Activation[]> {
  const activations = followActivations(stream);
  await activations.refresh();
  return activations.latestFirst(model);
}

export type Activated = Readonly<{
  generation: number;
  /** The checkpoint at which the generation was compared, or to which it was caught up. */
  rebuilt: Checkpoint;
  durationMs: number;
}>;

type ActivateOptions = ConcurrentWriter &
  Readonly<{
    projection: Projection;
    hashing: Hashing;
    /** The name and version of the program. */
    build: string;
    cause: DataOf<"ModelActivated">["cause"];
    /** Whether it is activated although the digests differ. */
    isForced?: boolean;
  }>;

/** Makes a generation the live one by an event, so that all processes agree. */
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
    // The position makes the id unique, because a kept generation may be activated again.
    const identity = ["ModelActivated", model, String(generation), String(head.position)] as const;
    const envelope = { id: eventId(identity, hashing), subject: "ledger" };
    const event = newEvent({ type: "ModelActivated", data }, envelope, NO_CAUSE);
    return (await stream.append(head.position, [event], [], new Set([event.id]))).outcome;
  });
}

const NO_CAUSE = { deliveryId: null, correlationId: null };
