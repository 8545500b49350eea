import { randomUUID } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type {
  BuildingStore,
  Changes,
  Checkpoint,
  ModelStore,
  Row,
  StoreName,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import { flush } from "../node/runtime.ts";
import { MODEL, UNFINISHED } from "../sql/engine-errors.ts";
import { isKey, putClause, quoted, quotedList, valueIn } from "../sql/tables.ts";
import {
  createReconnectingConnection,
  isBusy,
  openDatabase,
  orClose,
  PAGE_CACHE,
  portError,
  rollBack,
} from "./database.ts";
import { createTableRows, indexesOf, prepareCheckpoint, SQLITE } from "./model-tables.ts";

export const MODEL_PRAGMAS = [
  "journal_mode = WAL",
  // The log is flushed only before a checkpoint: a crash may lose the last commits, but never a part
  // of one, and lost commits are projected again.
  "synchronous = NORMAL",
  "journal_size_limit = 67108864",
  // Pages, of 4 KiB: what many commits change is copied into the database once.
  "wal_autocheckpoint = 4000",
  PAGE_CACHE.projecting,
];

type ModelStoreOptions = Readonly<{ file: string; model: StoreName; generation: number }>;

/** Opens one generation for writing. */
export function openModelStore(options: ModelStoreOptions): ModelStore {
  const { file, model, generation } = options;
  const connection = createReconnectingConnection({
    file,
    mapping: MODEL,
    mode: "write",
    open: () => openModelWriter(file, MODEL_PRAGMAS),
  });
  const { use, read } = connection;
  /** The checkpoint that the next write must follow: rows were read as of it. */
  let known: Checkpoint | null = null;
  return {
    model,
    generation,
    get: (table, key) => read(({ rows }) => rows.get(table, key)),
    select: (table, selection) => read(({ rows }) => rows.select(table, selection)),
    count: (table, where, most) => read(({ rows }) => rows.count(table, where, most)),
    checkpoint: async () => {
      known = await use(({ write, checkpoint }) => {
        write.discard();
        return checkpoint();
      });
      return known;
    },
    stage: async (changes) => {
      known = await use(({ write, checkpoint }) => write.stage(changes, known ?? checkpoint()));
    },
    commit: async ({ checkpoint: after, ...changes }) => {
      await use(({ write, checkpoint }) => write.commit(changes, known ?? checkpoint(), after));
      known = after;
    },
    close: async () => connection.close(),
  };
}

/** Opens a connection that writes one generation, and prepares its statements. */
function openModelWriter(file: string, pragmas: readonly string[]) {
  const database = openDatabase(file, { mode: "write", pragmas });
  return orClose(database, () => ({
    database,
    rows: createTableRows(database),
    checkpoint: prepareCheckpoint(database),
    write: createWrite(database),
  }));
}

/** Writes if the checkpoint is still the given one. */
type Write = Readonly<{
  /** @returns the checkpoint that the next write must follow, which only this transaction sees */
  stage(changes: Changes, before: Checkpoint): Checkpoint;
  commit(changes: Changes, before: Checkpoint, after: Checkpoint): void;
  /** Discards what is staged. */
  discard(): void;
}>;

function createWrite(database: DatabaseSync): Write {
  const tables = new Map<Table, TableWriter>();
  const writerOf = (table: Table) => {
    const writer = tables.get(table) ?? createTableWriter(database, table);
    tables.set(table, writer);
    return writer;
  };
  const moveCheckpoint = database.prepare(`
    UPDATE checkpoint SET position = ?, hash = ?, digest = ?, state_digest = ?
    WHERE position = ? AND hash = ? AND digest = ? AND state_digest = ?`);

  /** Applies changes in the transaction of those that are staged, or in a new one. */
  function apply({ inserts, puts, deletes }: Changes, before: Checkpoint, after: Checkpoint): void {
    if (!database.isTransaction) database.exec("BEGIN IMMEDIATE");
    const moved = moveCheckpoint.run(...cellsOf(after), ...cellsOf(before));
    if (moved.changes !== 1) throw new ModelUnavailable(WRITTEN_MEANWHILE);
    for (const { table, rows } of inserts) writerOf(table).insert(rows);
    for (const { table, rows } of puts) writerOf(table).put(rows);
    for (const { table, keys } of deletes) writerOf(table).remove(keys);
  }

  function orDiscard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      rollBack(database);
      throw error;
    }
  }

  return {
    stage: (changes, before) =>
      orDiscard(() => {
        // On another connection, where nothing is staged, the next write finds another checkpoint.
        const staged = { ...before, hash: `staged ${randomUUID()}` };
        apply(changes, before, staged);
        return staged;
      }),
    commit: (changes, before, after) =>
      orDiscard(() => {
        apply(changes, before, after);
        database.exec("COMMIT");
      }),
    discard: () => rollBack(database),
  };
}

const cellsOf = ({ position, hash, digest, state_digest }: Checkpoint) =>
  [position, hash, digest, state_digest] as const;

const WRITTEN_MEANWHILE =
  "another process has written to the model, or put another file in its place, since this one last read its checkpoint: nothing was committed; open it again";

type TableWriter = Readonly<{
  insert(rows: readonly Row[]): void;
  put(rows: readonly Row[]): void;
  remove(keys: readonly (readonly Value[])[]): void;
}>;

function createTableWriter(database: DatabaseSync, table: Table): TableWriter {
  const remove = database.prepare(
    `DELETE FROM ${quoted(table.name)} WHERE ${isKey(SQLITE, table)}`,
  );
  return {
    insert: createRowsWriter(database, table, ""),
    put: createRowsWriter(database, table, putClause(table)),
    remove: (keys) => {
      for (const key of keys) remove.run(...key);
    },
  };
}

/** @param clause the conflict clause, for a row whose key exists */
function createRowsWriter(
  database: DatabaseSync,
  table: Table,
  clause: string,
): (rows: readonly Row[]) => void {
  const columns = Object.keys(table.columns);
  const target = `${quoted(table.name)} (${quotedList(columns)})`;
  const insert = database.prepare(
    `INSERT INTO ${target} VALUES (${columns.map(() => "?").join(", ")}) ${clause}`,
  );
  return (rows) => {
    for (const row of rows) insert.run(...columns.map((column) => valueIn(table, row, column)));
  };
}

/**
 * No other process opens the file, and a file left by a crash is discarded: pages are written in place
 * and flushed once at the end.
 */
const BUILDING_PRAGMAS = [
  "locking_mode = EXCLUSIVE",
  "journal_mode = MEMORY",
  "synchronous = OFF",
  PAGE_CACHE.projecting,
];

/** The name of a file while it is built: it reserves its number, but is not a generation yet. */
export const buildingName = (file: string): string => `${file}.building`;

/**
 * Opens a newly created generation to fill it. Its indexes are created at the end, each with one sort,
 * since an index that grows in random order soon exceeds the cache. If a table is searched before,
 * its indexes are created then.
 */
export function openBuildingStore(
  options: ModelStoreOptions & Readonly<{ tables: readonly Table[] }>,
): BuildingStore {
  const { file, model, generation, tables } = options;
  const building = buildingName(file);
  const writer = beginBuilding(file, tables);
  const makeIndexes = createIndexMaker(writer.database);
  // After an error the file may be half written. It is not used again, and the first error is told.
  let failed: unknown = null;
  const use = async <T>(work: () => T): Promise<T> => {
    if (failed !== null) throw failed;
    try {
      return work();
    } catch (error) {
      const ofPort = portError(error, UNFINISHED, building);
      if (ofPort !== error) failed = ofPort;
      throw ofPort;
    }
  };
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
    count: (table, where, most) => use(() => writer.rows.count(table, where, most)),
    checkpoint: () =>
      use(() => {
        writer.write.discard();
        return writer.checkpoint();
      }),
    stage: (changes) =>
      use(() => {
        // Indexes are not created within the transaction: it may be discarded.
        if (!writer.database.isTransaction) for (const table of tables) makeIndexes(table);
        writer.write.stage(changes, writer.checkpoint());
      }),
    commit: ({ checkpoint, ...changes }) =>
      use(() => writer.write.commit(changes, writer.checkpoint(), checkpoint)),
    finish: () =>
      use(() => {
        for (const table of tables) makeIndexes(table);
        // Readers and a writer share the file from now on.
        writer.database.exec("PRAGMA journal_mode = WAL");
        close();
        flush(building);
        renameSync(building, file);
        flush(dirname(file));
      }),
    close: async () => void close(),
  };
}

/** Renames and locks the file. It stays locked until it is finished: an unlocked one is abandoned. */
function beginBuilding(file: string, tables: readonly Table[]) {
  const building = buildingName(file);
  return withPortErrors(file, () => {
    takeInLog(file);
    renameSync(file, building);
    const writer = openModelWriter(building, BUILDING_PRAGMAS);
    return orClose(writer.database, () => {
      // In exclusive locking mode the lock outlasts the transaction.
      writer.database.exec("BEGIN EXCLUSIVE; COMMIT");
      for (const table of tables) {
        for (const { drop } of indexesOf(table)) writer.database.exec(drop);
      }
      return writer;
    });
  });
}

/**
 * Writes into the file what is only in its log. On a full disk the log stays beside a file that was closed
 * without an error, and under another name the file would be without it: damaged.
 */
function takeInLog(file: string): void {
  openDatabase(file, { mode: "write", pragmas: ["journal_mode = DELETE"] }).close();
}

function createIndexMaker(database: DatabaseSync): (table: Table) => void {
  const indexed = new Set<Table>();
  return (table) => {
    if (indexed.has(table)) return;
    for (const { create } of indexesOf(table)) database.exec(create);
    indexed.add(table);
  };
}

/** Whether the builder of the file died, or has just removed it. */
export function isAbandoned(file: string): boolean {
  let database: DatabaseSync | null = null;
  try {
    database = openDatabase(file, { mode: "write", pragmas: [], busyTimeoutMs: 0 });
    database.exec("BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    if (database === null && existsSync(file)) throw error;
    return !isBusy(error);
  } finally {
    database?.close();
  }
}

/** @throws ModelUnavailable if an unfinished model cannot be written */
export function withPortErrors<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw portError(error, UNFINISHED, file);
  }
}
