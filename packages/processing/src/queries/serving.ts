import type { ModelName } from "@counterfoil/contracts/fact";
import { type Activation, followActivations } from "../generations/activations.ts";
import { STOPPED } from "../models/columns.ts";
import type { Clock } from "../ports/clock.ts";
import { GenerationMissing, isUnreadable, ModelUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type {
  Checkpoint,
  ModelCatalogue,
  ModelReader,
  ReadSnapshot,
  Rows,
} from "../ports/model-store.ts";

/** The read models for queries: each is read in its live generation. */
export interface ServedModels {
  /**
   * Runs `read` on a snapshot of the live rows.
   *
   * @throws ModelNotServed if no generation can be served yet
   */
  snapshot<T>(model: ModelName, read: ReadModel<T>): Promise<T>;
  /** Waits for the model to reach the position. @returns false if the signal aborted before */
  waitFor(model: ModelName, position: number, signal: AbortSignal): Promise<boolean>;
  /**
   * The served generation of the model; null if none is built.
   *
   * @throws ModelUnavailable, ModelCorrupted
   */
  info(model: ModelName): Promise<ServedInfo | null>;
  close(): Promise<void>;
}

/** Neither the live generation nor an earlier one is built in this engine yet. */
export class ModelNotServed extends Error {
  override readonly name = "ModelNotServed";
}

export type ReadModel<T> = (
  rows: Rows,
  checkpoint: Checkpoint,
  served: Readonly<{ generation: number; modelVersion: number }>,
) => Promise<T>;

type ServedInfo = Readonly<{
  generation: number;
  modelVersion: number;
  checkpoint: Checkpoint;
  /** Subjects that wait for a fix, see projection/stopped.ts. */
  stoppedKeys: number;
}>;

type ServingOptions = Readonly<{
  catalogue: ModelCatalogue;
  stream: EventStream;
  clock: Clock;
}>;

/**
 * Serves the generation that the latest `ModelActivated` names once this engine's copy has reached
 * the activation, and the previous one until then. New activations are read when a model is used.
 */
export function serveModels({ catalogue, stream, clock }: ServingOptions): ServedModels {
  const activations = followActivations(stream);
  const readers = openReaders(catalogue);
  /** By model, the position of the newest activation that was served. */
  const newest = new Map<ModelName, number>();

  async function snapshot<T>(model: ModelName, read: ReadModel<T>): Promise<T> {
    await activations.refreshIfAvailable();
    const candidates = activations.latestFirst(model);
    for (const [at, candidate] of candidates.entries()) {
      const answer = await attempt(model, candidate, read);
      if (answer === null) continue;
      retireBefore(model, candidates.slice(0, at + 1));
      return answer.value;
    }
    const [live] = candidates as readonly [Activation];
    // The first generation has no activation: it is served from position 0 on.
    const upTo =
      live.position === 0 ? "" : ` up to position ${live.position}, where it became live`;
    throw new ModelNotServed(
      `generation ${live.generation} of ${model} is not built here${upTo} yet: a projector that runs builds it, see \`counterfoil status\``,
    );
  }

  /** @param upToServed the activations from the latest to the served one */
  function retireBefore(model: ModelName, upToServed: readonly Activation[]): void {
    const position = upToServed.at(-1)?.position ?? 0;
    // A slow reader of a previous generation must not retire the live one.
    if (position < (newest.get(model) ?? 0)) return;
    newest.set(model, position);
    const needed = upToServed.map(({ generation }) => generation);
    readers.keepOnly(model, needed);
  }

  /** @returns null if the generation does not exist here or has not reached its activation */
  async function attempt<T>(
    model: ModelName,
    { generation, position }: Activation,
    read: ReadModel<T>,
  ): Promise<Readonly<{ value: T }> | null> {
    try {
      return await readers.snapshot(model, generation, async (rows, checkpoint, modelVersion) => {
        if (checkpoint.position < position) return null;
        return { value: await read(rows, checkpoint, { generation, modelVersion }) };
      });
    } catch (error) {
      if (error instanceof GenerationMissing) return null;
      throw error;
    }
  }

  const positionOf = (model: ModelName) => snapshot(model, async (_rows, { position }) => position);
  const waitFor = createPositionWait(positionOf, clock);

  async function info(model: ModelName): Promise<ServedInfo | null> {
    try {
      const found = await snapshot(model, async (rows, checkpoint, served) => ({
        ...served,
        checkpoint,
        stoppedKeys: await rows.count(STOPPED),
      }));
      // Only opening shows that tables are gone which nobody reads now, but the projector needs.
      await (await catalogue.openForReading(model, found.generation)).close();
      return found;
    } catch (error) {
      if (error instanceof ModelNotServed) return null;
      throw error;
    }
  }

  return { snapshot, waitFor, info, close: readers.close };
}

/** Generations open for reading: each is opened once, and closed when it is no longer used. */
export interface Readers {
  /** @throws GenerationMissing if the generation does not exist or was removed */
  snapshot<T>(model: ModelName, generation: number, read: ReadSnapshot<T>): Promise<T>;
  /** Closes the model's other generations when their readers are done. */
  keepOnly(model: ModelName, generations: readonly number[]): void;
  close(): Promise<void>;
}

type Open = {
  readonly model: ModelName;
  readonly generation: number;
  readonly reader: Promise<ModelReader>;
  users: number;
  retired: boolean;
};

export function openReaders(catalogue: ModelCatalogue): Readers {
  const opened = new Map<string, Open>();

  function open(model: ModelName, generation: number): Open {
    const key = `${model}:${generation}`;
    const known = opened.get(key);
    if (known !== undefined) return known;
    const reader = catalogue.openForReading(model, generation);
    const added = { model, generation, reader, users: 0, retired: false };
    opened.set(key, added);
    return added;
  }

  /** New snapshots no longer use the reader; it is closed after its last user. */
  function retire(reader: Open): void {
    const key = `${reader.model}:${reader.generation}`;
    if (opened.get(key) === reader) opened.delete(key);
    reader.retired = true;
    closeIfIdle(reader);
  }

  return {
    snapshot: async (model, generation, read) => {
      const current = open(model, generation);
      current.users += 1;
      try {
        return await (await current.reader).snapshot(read);
      } catch (error) {
        if (requiresReopen(error)) retire(current);
        throw error;
      } finally {
        current.users -= 1;
        closeIfIdle(current);
      }
    },
    keepOnly: (model, generations) => {
      for (const other of [...opened.values()]) {
        if (other.model === model && !generations.includes(other.generation)) retire(other);
      }
    },
    close: async () => {
      const all = [...opened.values()];
      for (const reader of all) retire(reader);
      await Promise.all(all.map(({ reader }) => reader.catch(() => null)));
    },
  };
}

/** Errors after which a reader is reopened, because its file may have been replaced. */
function requiresReopen(error: unknown): boolean {
  return isUnreadable(error) || error instanceof ModelUnavailable;
}

function closeIfIdle({ retired, users, reader }: Open): void {
  if (!retired || users > 0) return;
  // A reader that failed to open or close holds nothing to release.
  void reader.then((open) => open.close()).catch(() => {});
}

/** Interval at which the positions of awaited models are read. */
const ROUND_MS = 5;

/**
 * Waits for models to reach positions. Projectors, which may be other processes, do not announce
 * their commits. Therefore each awaited model's position is read once per round, however many
 * callers wait.
 */
function createPositionWait(
  positionOf: (model: ModelName) => Promise<number>,
  clock: Clock,
): (model: ModelName, position: number, signal: AbortSignal) => Promise<boolean> {
  const rounds = new Map<ModelName, Promise<number>>();

  async function readAfterRound(model: ModelName): Promise<number> {
    await clock.sleep(ROUND_MS);
    // A caller from now on may wait for a newer position than the one read here.
    rounds.delete(model);
    return positionOf(model);
  }

  function nextRound(model: ModelName): Promise<number> {
    const running = rounds.get(model);
    if (running !== undefined) return running;
    const round = readAfterRound(model);
    // Waiting callers get the error; without any, it would be an unhandled rejection.
    round.catch(() => {});
    rounds.set(model, round);
    return round;
  }

  return async (model, position, signal) => {
    const aborted = new Promise<null>((resolve) => {
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    let reached: number | null = await positionOf(model);
    while (reached !== null && reached < position && !signal.aborted) {
      reached = await Promise.race([nextRound(model), aborted]);
    }
    return reached !== null && reached >= position;
  };
}
