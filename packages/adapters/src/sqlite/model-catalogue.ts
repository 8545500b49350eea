import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  FormatTooNew,
  GenerationMissing,
  ModelCorrupted,
  ModelUnavailable,
} from "@counterfoil/processing/ports/errors";
import type {
  GenerationInfo,
  ModelCatalogue,
  ModelLayout,
  StoreName,
} from "@counterfoil/processing/ports/model-store";
import { type ErrorMapping, MODEL } from "../sql/engine-errors.ts";
import { createFolder, openDatabase, portError, whileBusy } from "./database.ts";
import {
  buildingName,
  isAbandoned,
  MODEL_PRAGMAS,
  openBuildingStore,
  openModelStore,
  withPortErrors,
} from "./model-store.ts";
import { layOutModel, type ModelState, openModelReader, readModelState } from "./model-tables.ts";
import { whileLocked } from "./role-locks.ts";

/** Only its own file is damaged then: no model is. */
const LOCK: ErrorMapping = {
  ...MODEL,
  name: "lock of the read models",
  corrupted: ModelUnavailable,
  corruptedAdvice: "end all processes of this ledger, and remove the file: it holds nothing",
};

/** Keeps each generation in a file `<dataDir>/models/<model>.<generation>.db`. */
export function openModelCatalogue({ dataDir }: Readonly<{ dataDir: string }>): ModelCatalogue {
  const folder = join(resolve(dataDir), "models");
  const fileOf = (model: StoreName, generation: number) =>
    join(folder, `${model}.${generation}.db`);
  // Only one process at a time creates or drops. If it dies, its lock is released. A file whose layout
  // it had not committed is not a generation, and the next creator replaces it.
  const underLock = async <T>(work: () => T): Promise<T> => {
    createFolder(folder, MODEL);
    return whileLocked(join(folder, "catalogue.lock"), LOCK, work);
  };

  return {
    generations: async (model) => {
      const infos: GenerationInfo[] = [];
      for (const generation of numbersIn(folder, model, FINISHED)) {
        const state = await readState(fileOf(model, generation)).catch(unlessDamaged);
        if (isReadable(state)) infos.push({ generation, ...state });
      }
      return infos;
    },
    create: (model, { generation, ...layout }) =>
      underLock(() => {
        clearAbandoned(folder, model);
        const number = generation ?? (numbersIn(folder, model, TAKEN).at(-1) ?? 0) + 1;
        if (existsSync(buildingName(fileOf(model, number)))) return null;
        return createFile(fileOf(model, number), layout) ? number : null;
      }),
    openForWriting: async (model, generation) => {
      const file = fileOf(model, generation);
      await checkExists(file, model, generation);
      await underLock(() => clearAbandoned(folder, model));
      return openModelStore({ file, model, generation });
    },
    openForBuilding: async (model, generation, tables) => {
      const file = fileOf(model, generation);
      await checkExists(file, model, generation);
      return underLock(() => openBuildingStore({ file, model, generation, tables }));
    },
    openForReading: async (model, generation) => {
      const file = fileOf(model, generation);
      await checkExists(file, model, generation);
      return openModelReader({ file, model, generation });
    },
    openScratch: (model, layout) =>
      underLock(() => {
        clearAbandoned(folder, model);
        const file = join(folder, `${model}.scratch-${randomUUID()}.db`);
        const store = orRemove(file, () => {
          createFile(file, layout);
          return openBuildingStore({ file, model, generation: 0, tables: layout.tables });
        });
        const close = async () => {
          await store.close();
          // Without the lock, for which a full disk has no room. Nobody else uses the name.
          withPortErrors(file, () => removeFile(file));
        };
        return { ...store, close };
      }),
    drop: (model, generation) => underLock(() => removeFile(fileOf(model, generation))),
    close: async () => {},
  };
}

const FINISHED = /^([a-z]+)\.([1-9]\d*)\.db$/;
const BUILDING = /^([a-z]+)\.([1-9]\d*)\.db\.building$/;
const TAKEN = /^([a-z]+)\.([1-9]\d*)\.db(?:\.building)?$/;
const SCRATCH = /^([a-z]+)\.scratch-[\da-f-]+\.db/;

/** Ascending. */
function numbersIn(folder: string, model: StoreName, named: RegExp): readonly number[] {
  return namesIn(folder, model, named)
    .map((name) => Number(named.exec(name)?.[2]))
    .sort((a, b) => a - b);
}

function namesIn(folder: string, model: StoreName, named: RegExp): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => named.exec(name)?.[1] === model);
}

/** Removes files of dead builders. Called under the lock, so no builder is just starting. */
function clearAbandoned(folder: string, model: StoreName): void {
  for (const name of [BUILDING, SCRATCH].flatMap((named) => namesIn(folder, model, named))) {
    const file = join(folder, name);
    if (!name.endsWith(".building") || isAbandoned(file)) rmSync(file, { force: true });
  }
}

/** @returns false if the file belongs to a generation */
function createFile(file: string, layout: ModelLayout): boolean {
  if (existsSync(file) && !isVacant(file)) return false;
  removeFile(file);
  return withPortErrors(file, () => {
    const database = openDatabase(file, { mode: "create", pragmas: MODEL_PRAGMAS });
    try {
      layOutModel(database, layout);
      return true;
    } finally {
      database.close();
    }
  });
}

/** Opens a scratch store, and leaves nothing of it if that fails: a disk may be full. */
function orRemove<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    removeFile(file);
    throw error;
  }
}

/** Removes the database first: a log without it is ignored, and removed before the number is used again. */
function removeFile(file: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
  rmSync(buildingName(file), { force: true });
}

type State = ModelState | "too new" | null;

function isReadable(state: State): state is ModelState {
  return state !== null && state !== "too new";
}

/** Whether the file holds no generation. A damaged one is kept, so that it can be examined. */
function isVacant(file: string): boolean {
  try {
    return stateIn(file) === null;
  } catch (error) {
    unlessDamaged(portError(error, MODEL, file));
    return false;
  }
}

/** @returns null for a damaged file, as for a missing one; rethrows any other error */
function unlessDamaged(error: unknown): null {
  if (error instanceof ModelCorrupted) return null;
  throw error;
}

/** A file of a newer format keeps its number, but is not a generation that this program can use. */
function stateIn(file: string): State {
  const database = openDatabase(file, { mode: "read", pragmas: [] });
  try {
    return readModelState(database);
  } catch (error) {
    if (error instanceof FormatTooNew) return "too new";
    throw error;
  } finally {
    database.close();
  }
}

/** @returns null also if the file was dropped meanwhile */
async function readState(file: string): Promise<State> {
  try {
    return await whileBusy(() => (existsSync(file) ? stateIn(file) : null));
  } catch (error) {
    if (!existsSync(file)) return null;
    throw portError(error, MODEL, file);
  }
}

async function checkExists(file: string, model: StoreName, generation: number): Promise<void> {
  if (isReadable(await readState(file))) return;
  throw new GenerationMissing(
    `no generation ${generation} of model ${model} in ${file}: rebuild the model, or open a generation that is there`,
  );
}
