import { GenerationMissing } from "@counterfoil/processing/ports/errors";
import type { Checkpoint, ModelReader, Rows } from "@counterfoil/processing/ports/model-store";
import type { Row, Selection, Table, Value } from "@counterfoil/processing/ports/table";
import type { ClientBase } from "pg";
import { CHECKPOINT_COLUMNS, checkpointOf } from "../sql/generation.ts";
import { createTablesSql } from "../sql/tables.ts";
import { MODEL } from "../sql/trouble.ts";
import { type Pool, queryCells, type Statement } from "./client.ts";
import { portError } from "./engine-error.ts";
import { catalogueOf, type Place, POSTGRES, tableName } from "./model-layout.ts";
import type { Server } from "./server.ts";

/** @param pool shared by all readers; a snapshot waits while all of its connections are in use */
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

/** Reading the tables of one generation over any connection; each call sees its present moment. */
export type TableRows = Readonly<{
  get(client: ClientBase, table: Table, key: readonly Value[]): Promise<Row | null>;
  select(client: ClientBase, table: Table, selection: Selection): Promise<readonly Row[]>;
  count(client: ClientBase, table: Table): Promise<number>;
}>;

export function createTableRows(place: Place): TableRows {
  const sqlOf = createTablesSql(POSTGRES, (table) => tableName(place, table));
  return {
    get: async (client, table, key) => {
      const { get, rowOf } = sqlOf(table);
      const [cells] = await queryCells(client, prepared(get), key);
      return cells === undefined ? null : rowOf(cells);
    },
    select: async (client, table, selection) => {
      const { select, rowOf } = sqlOf(table);
      const { text, values } = select(selection);
      return (await queryCells(client, prepared(text), values)).map(rowOf);
    },
    count: async (client, table) => {
      const [cells] = await queryCells(client, { text: sqlOf(table).count });
      return Number(cells?.[0]);
    },
  };
}

const statements = new Map<string, Statement>();

/** One name a text on all connections: each prepares it when it meets it first. */
export function prepared(text: string): Statement {
  let statement = statements.get(text);
  if (statement === undefined) {
    statement = { name: `model${statements.size}`, text };
    statements.set(text, statement);
  }
  return statement;
}
