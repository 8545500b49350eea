import { closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { BuildingStore } from "@counterfoil/processing/ports/model-store";
import type { Table } from "@counterfoil/processing/ports/table";
import { openDatabase } from "./database.ts";
import { isBusy, MODEL_FILE, portError } from "./engine-error.ts";
import { indexesOf } from "./model-layout.ts";
import { type ModelStoreOptions, openModelWriter } from "./model-store.ts";

/**
 * Nobody else has the file open, and what a crash leaves of it is thrown away: pages go straight to
 * their places, and are flushed once, at the end.
 */
const BUILDING_PRAGMAS = [
  "locking_mode = EXCLUSIVE",
  "journal_mode = MEMORY",
  "synchronous = OFF",
  "cache_size = -16384",
];

/** What a file is called while it is built: it has its number, but is no generation. */
export const buildingName = (file: string): string => `${file}.building`;

/**
 * Opens a generation that was just created, to fill it. Its indexes are made at the end, in one
 * sort each, since one that grows in random order is soon larger than the cache. A table that is
 * searched before that gets its indexes then.
 */
export function openBuildingStore(
  options: ModelStoreOptions & Readonly<{ tables: readonly Table[] }>,
): BuildingStore {
  const { file, model, generation, tables } = options;
  const building = buildingName(file);
  const writer = open(file, tables);
  const indexed = new Set<Table>();

  function makeIndexes(table: Table): void {
    if (indexed.has(table)) return;
    for (const { create } of indexesOf(table)) writer.database.exec(create);
    indexed.add(table);
  }

  const use = async <T>(work: () => T): Promise<T> => ofPort(building, work);
  const close = () => writer.database.isOpen && writer.database.close();
  return {
    model,
    generation,
    get: (table, key) => use(() => writer.rows.get(table, key)),
    select: (table, selection) =>
      use(() => {
        makeIndexes(table);
        return writer.rows.select(table, selection);
      }),
    count: (table) => use(() => writer.rows.count(table)),
    checkpoint: () => use(() => writer.checkpoint()),
    commit: (commit) => use(() => writer.write(commit)),
    finish: () =>
      use(() => {
        for (const table of tables) makeIndexes(table);
        // Readers and a writer may share it from now on.
        writer.database.exec("PRAGMA journal_mode = WAL");
        close();
        flush(building);
        renameSync(building, file);
        flush(dirname(file));
      }),
    close: async () => void close(),
  };
}

/** From here to its last commit the file is locked: who finds it unlocked finds it abandoned. */
function open(file: string, tables: readonly Table[]) {
  const building = buildingName(file);
  return ofPort(building, () => {
    renameSync(file, building);
    const writer = openModelWriter(building, BUILDING_PRAGMAS);
    // The lock stays when the transaction ends.
    writer.database.exec("BEGIN EXCLUSIVE; COMMIT");
    for (const table of tables) {
      for (const { drop } of indexesOf(table)) writer.database.exec(drop);
    }
    return writer;
  });
}

/** Whether the one who built it died. */
export function isAbandoned(file: string): boolean {
  const database = openDatabase(file, { mode: "write", pragmas: [], busyTimeoutMs: 0 });
  try {
    database.exec("BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    return !isBusy(error);
  } finally {
    database.close();
  }
}

function ofPort<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw portError(error, MODEL_FILE, file);
  }
}

/** Of a file its contents, of a folder the names in it. */
function flush(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
