import type { DatabaseSync } from "node:sqlite";
import type {
  Checkpoint,
  ModelReader,
  Rows,
  StoreName,
} from "@counterfoil/processing/ports/model-store";
import { openDatabase, rollBack } from "./database.ts";
import { MODEL_FILE, portError } from "./engine-error.ts";
import { identityOf } from "./file-identity.ts";
import { prepareCheckpoint } from "./model-layout.ts";
import { createTableRows, type TableRows } from "./model-rows.ts";
import { createPool } from "./pool.ts";
import { whileBusy } from "./while-busy.ts";

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
        const ofPort = portError(error, MODEL_FILE, file);
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
