import { GenerationMissing } from "@counterfoil/processing/ports/errors";
import type { Checkpoint, ModelReader, Rows } from "@counterfoil/processing/ports/model-store";
import type { ClientBase } from "pg";
import { queryCells, type Statement } from "./client.ts";
import { MODEL, portError } from "./engine-error.ts";
import { CHECKPOINT_COLUMNS, catalogueOf, checkpointOf, type Place } from "./model-layout.ts";
import { createTableRows } from "./model-rows.ts";
import type { Pool } from "./pool.ts";
import type { Server } from "./server.ts";

/** @param pool shared by all readers, who wait for each other when it is in use */
export function openModelReader(server: Server, pool: Pool, place: Place): ModelReader {
  const { model, generation, ledger } = place;
  const tables = createTableRows(place);
  const statement = {
    name: "reader_checkpoint",
    text: `SELECT ${CHECKPOINT_COLUMNS} FROM ${catalogueOf(ledger)} WHERE model = $1 AND generation = $2`,
  };

  function rowsOf(client: ClientBase): Rows {
    const asPort = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        throw portError(error, MODEL, server);
      }
    };
    return {
      get: (table, key) => asPort(tables.get(client, table, key)),
      select: (table, selection) => asPort(tables.select(client, table, selection)),
      count: (table) => asPort(tables.count(client, table)),
    };
  }

  return {
    model,
    generation,
    snapshot: async (read) => {
      const { outcome } = await pool.use(async (client) => {
        const checkpoint = await beginSnapshot(client, statement, place);
        // What the caller throws is the caller's, and no fault of the connection.
        const [outcome] = await Promise.allSettled([read(rowsOf(client), checkpoint)]);
        await client.query("ROLLBACK");
        return { outcome };
      });
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    },
    close: async () => {},
  };
}

/** The first read of the transaction fixes its moment: the checkpoint is that of the rows. */
async function beginSnapshot(
  client: ClientBase,
  statement: Statement,
  { model, generation }: Place,
): Promise<Checkpoint> {
  const [, [cells]] = await Promise.all([
    client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    queryCells(client, statement, [model, generation]),
  ]);
  if (cells !== undefined) return checkpointOf(cells);
  throw new GenerationMissing(`generation ${generation} of model ${model} was dropped`);
}
