import type { DatabaseSync } from "node:sqlite";
import type {
  Checkpoint,
  ModelReader,
  Rows,
  StoreName,
} from "@counterfoil/processing/ports/model-store";
import { MODEL } from "../sql/trouble.ts";
import { identityOf, openDatabase, rollBack } from "./database.ts";
import { portError, whileBusy } from "./engine-error.ts";
import { createTableRows, prepareCheckpoint, type TableRows } from "./model-file.ts";

/** Snapshots that are open at once; further ones wait. One connection holds one moment. */
const CONNECTIONS_MAX = 8;

type ReadConnection = Readonly<{
  database: DatabaseSync;
  rows: TableRows;
  checkpoint: () => Checkpoint;
  /** Which file it was opened on. */
  identity: string;
}>;

export function openModelReader(
  options: Readonly<{ file: string; model: StoreName; generation: number }>,
): ModelReader {
  const { file, model, generation } = options;
  const pool = createPool<ReadConnection>({
    sizeMax: CONNECTIONS_MAX,
    open: () => whileBusy(() => openReader(file)),
    isUsable: ({ database, identity }) => database.isOpen && identity === identityOf(file),
    close: ({ database }) => database.isOpen && database.close(),
  });
  return {
    model,
    generation,
    snapshot: async (read) => {
      try {
        return await pool.use(async (connection) => {
          const checkpoint = await whileBusy(() => beginSnapshot(connection));
          try {
            return await read(asPort(connection.rows), checkpoint);
          } finally {
            rollBack(connection.database);
          }
        });
      } catch (error) {
        const ofPort = portError(error, MODEL, file);
        // A connection that met trouble is not used again, nor are its idle sisters.
        if (ofPort !== error) pool.clear();
        throw ofPort;
      }
    },
    close: async () => pool.close(),
  };
}

function openReader(file: string): ReadConnection {
  const database = openDatabase(file, { mode: "read", pragmas: ["cache_size = -8192"] });
  return {
    database,
    rows: createTableRows(database),
    checkpoint: prepareCheckpoint(database),
    identity: identityOf(file),
  };
}

/** The first read of the transaction fixes its moment: the checkpoint is that of the rows. */
function beginSnapshot({ database, checkpoint }: ReadConnection): Checkpoint {
  database.exec("BEGIN DEFERRED");
  try {
    return checkpoint();
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

function asPort(rows: TableRows): Rows {
  return {
    get: async (table, key) => rows.get(table, key),
    select: async (table, selection) => rows.select(table, selection),
    count: async (table) => rows.count(table),
  };
}

/** Things that one caller at a time may use, opened when they are needed. */
type Pool<Item> = Readonly<{
  use<T>(work: (item: Item) => Promise<T>): Promise<T>;
  /** Closes what is idle, so that the next user opens anew. */
  clear(): void;
  /** Those in use are closed when they come back. */
  close(): void;
}>;

type PoolOptions<Item> = Readonly<{
  sizeMax: number;
  open: () => Promise<Item>;
  /** Asked before an item is used again. */
  isUsable: (item: Item) => boolean;
  close: (item: Item) => void;
}>;

function createPool<Item>({ sizeMax, open, isUsable, close }: PoolOptions<Item>): Pool<Item> {
  const idle: Item[] = [];
  const gate = createGate(sizeMax);
  let closed = false;

  async function take(): Promise<Item> {
    if (closed) throw new Error("the read model was closed by this process");
    for (let item = idle.pop(); item !== undefined; item = idle.pop()) {
      if (isUsable(item)) return item;
      close(item);
    }
    return open();
  }

  function clear(): void {
    for (const item of idle.splice(0)) close(item);
  }

  return {
    use: (work) =>
      gate(async () => {
        const item = await take();
        try {
          return await work(item);
        } finally {
          if (closed) close(item);
          else idle.push(item);
        }
      }),
    clear,
    close: () => {
      closed = true;
      clear();
    },
  };
}

/** Lets so many callers in at once; a place that becomes free goes to the one that waits longest. */
function createGate(sizeMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (work) => {
    if (inside < sizeMax) inside += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inside -= 1;
      else next();
    }
  };
}
