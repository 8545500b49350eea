import type { ModelName } from "@counterfoil/contracts/fact";
import { GenerationMissing, ModelUnavailable } from "../ports/errors.ts";
import type { Checkpoint, ModelCatalogue, ModelReader, Rows } from "../ports/model-store.ts";

/** Generations that are open for reading, each opened once and closed when nobody needs it. */
export interface Readers {
  /** @throws GenerationMissing where there is no such generation, or none any more. */
  snapshot<T>(model: ModelName, generation: number, read: Read<T>): Promise<T>;
  /** Closes the model's other generations when their readers are done. */
  keepOnly(model: ModelName, generations: readonly number[]): void;
  close(): Promise<void>;
}

type Read<T> = (rows: Rows, checkpoint: Checkpoint) => Promise<T>;

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
    const fresh = { model, generation, reader, users: 0, retired: false };
    opened.set(key, fresh);
    return fresh;
  }

  /** Nobody gets it any more; it is closed with its last user. */
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
        if (isTrouble(error)) retire(current);
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

/** After these a reader is opened anew: what it had open may be another file by now. */
function isTrouble(error: unknown): boolean {
  return error instanceof GenerationMissing || error instanceof ModelUnavailable;
}

function closeIfIdle({ retired, users, reader }: Open): void {
  if (!retired || users > 0) return;
  // What cannot be opened or closed any more has nothing to give back.
  void reader.then((open) => open.close()).catch(() => {});
}
