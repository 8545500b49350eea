import type { ModelName } from "@counterfoil/contracts/fact";
import { STOPPED } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import { GenerationMissing, ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Checkpoint, ModelCatalogue, Rows } from "../ports/model-store.ts";
import { type Activation, followActivations } from "./activations.ts";
import { createPositionWait } from "./position-wait.ts";
import { openReaders } from "./readers.ts";

/** The read models as readers find them: each in the generation that is live. */
export interface ServedModels {
  /**
   * Runs `read` on the live rows of one moment.
   *
   * @throws ModelNotServed where no generation can be served yet.
   */
  snapshot<T>(model: ModelName, read: ReadModel<T>): Promise<T>;
  /** Whether the model reached the position before the signal aborted. */
  waitFor(model: ModelName, position: number, signal: AbortSignal): Promise<boolean>;
  /** What is served of the model; null where nothing can be just now. */
  info(model: ModelName): Promise<ServedInfo | null>;
  close(): Promise<void>;
}

/** The live generation is not here yet, and neither is one that was live before. */
export class ModelNotServed extends Error {
  override readonly name = "ModelNotServed";
}

export type ReadModel<T> = (rows: Rows, checkpoint: Checkpoint, generation: number) => Promise<T>;

export type ServedInfo = Readonly<{
  generation: number;
  modelVersion: number;
  checkpoint: Checkpoint;
  /** Subjects that wait for a fix, see models/stopped.ts. */
  stoppedKeys: number;
}>;

export type ServingOptions = Readonly<{
  catalogue: ModelCatalogue;
  stream: EventStream;
  clock: Clock;
}>;

/**
 * Serves the generation that the latest `ModelActivated` names once this engine's copy has reached
 * the activation, and the one before until then. New activations are noticed when a model is used.
 */
export function serveModels({ catalogue, stream, clock }: ServingOptions): ServedModels {
  const activations = followActivations(stream);
  const readers = openReaders(catalogue);
  /** Of each model, where the newest activation lies that was served. */
  const newest = new Map<ModelName, number>();

  async function snapshot<T>(model: ModelName, read: ReadModel<T>): Promise<T> {
    const candidates = await activations.latestFirst(model);
    for (const [at, candidate] of candidates.entries()) {
      const answer = await attempt(model, candidate, read);
      if (answer === null) continue;
      retireBefore(model, candidates.slice(0, at + 1));
      return answer.value;
    }
    const [live] = candidates as readonly [Activation];
    throw new ModelNotServed(
      `generation ${live.generation} of ${model} has not been built here up to position ${live.position} yet: a projector does it`,
    );
  }

  /** @param upToServed the activations from the latest to the one that is served. */
  function retireBefore(model: ModelName, upToServed: readonly Activation[]): void {
    const position = upToServed.at(-1)?.position ?? 0;
    // A slow reader of what was live before must not retire what is live now.
    if (position < (newest.get(model) ?? 0)) return;
    newest.set(model, position);
    const needed = upToServed.map(({ generation }) => generation);
    readers.keepOnly(model, needed);
  }

  /** @returns null where the generation is not here, or not as far as its activation. */
  async function attempt<T>(
    model: ModelName,
    { generation, position }: Activation,
    read: ReadModel<T>,
  ): Promise<Readonly<{ value: T }> | null> {
    try {
      return await readers.snapshot(model, generation, async (rows, checkpoint) =>
        checkpoint.position < position ? null : { value: await read(rows, checkpoint, generation) },
      );
    } catch (error) {
      if (error instanceof GenerationMissing) return null;
      throw error;
    }
  }

  const positionOf = (model: ModelName) => snapshot(model, async (_rows, { position }) => position);
  const waitFor = createPositionWait(positionOf, clock);

  async function info(model: ModelName): Promise<ServedInfo | null> {
    try {
      const served = await snapshot(model, async (rows, checkpoint, generation) => ({
        generation,
        checkpoint,
        stoppedKeys: await rows.count(STOPPED),
      }));
      const generations = await catalogue.generations(model);
      const own = generations.find(({ generation }) => generation === served.generation);
      return { ...served, modelVersion: own?.modelVersion ?? 1 };
    } catch (error) {
      if (error instanceof ModelNotServed || error instanceof ModelUnavailable) return null;
      throw error;
    }
  }

  return { snapshot, waitFor, info, close: readers.close };
}
