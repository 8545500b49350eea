import type {
  BuildingStore,
  Changes,
  Commit,
  Row,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import type { ClientBase } from "pg";
import { UNFINISHED } from "../sql/engine-errors.ts";
import { createReconnectingClient, queryCells, type ReconnectingClient } from "./client.ts";
import { inTransaction } from "./layout.ts";
import { openModelStore } from "./model-store.ts";
import { catalogueOf, indexSql, type Place, tableName } from "./model-tables.ts";
import { lockKey, modelSchema, type Server } from "./server.ts";

/** Creating an index over the rows of ten million events takes long. */
const BUILDING_TIMEOUT_MS = 3_600_000;

const INDEX_SETTINGS = { maintenance_work_mem: "256MB" };

/**
 * Opens a newly created generation to fill it. Its indexes besides the keys are created at the end, each
 * with one sort, since an index that grows in random order soon exceeds the server's cache. If a table
 * is searched before, its indexes are created then.
 */
export async function openBuildingStore(
  server: Server,
  place: Place,
  tables: readonly Table[],
): Promise<BuildingStore> {
  const client = { access: "write", isPipelined: false, settings: INDEX_SETTINGS } as const;
  const builder = createReconnectingClient({
    server,
    mapping: UNFINISHED,
    client: { ...client, timeoutMs: BUILDING_TIMEOUT_MS },
  });
  const makeIndexes = createIndexMaker(builder, place);
  try {
    await builder.use((client) => beginBuilding(client, place, tables));
    const options = { beforeSearch: makeIndexes, mapping: UNFINISHED };
    const store = await openModelStore(server, place, options);
    const close = async () => {
      builder.close();
      await store.close();
    };
    const finish = async () => {
      for (const table of tables) await makeIndexes(table);
      await builder.use((client) => finishBuilding(client, place, tables));
      await close();
    };
    let isStaged = false;
    const checkpoint = () => {
      isStaged = false;
      return store.checkpoint();
    };
    const stage = async (changes: Changes) => {
      // An index waits for the transactions that have written to its table: for this one it would wait for ever.
      if (!isStaged) for (const table of tables) await makeIndexes(table);
      isStaged = true;
      await store.stage(changes);
    };
    const commit = async (commit: Commit) => {
      isStaged = false;
      for (const { table, rows } of [...commit.inserts, ...commit.puts]) {
        // Creates the indexes before a row that may be too long for them, so that the server rejects
        // it in the commit of its event.
        if (rows.some((row) => mayOutgrowIndex(table, row))) await makeIndexes(table);
      }
      await store.commit(commit);
    };
    return { ...store, checkpoint, stage, commit, close, finish };
  } catch (error) {
    builder.close();
    throw error;
  }
}

/** An index row may have about 2,700 bytes, and a UTF-16 unit takes up to three in UTF-8. */
const INDEXED_LENGTH_MAX = 800;

function mayOutgrowIndex({ indexes }: Table, row: Row): boolean {
  return indexes.some((columns) => {
    let length = 0;
    for (const column of columns) length += textLength(row[column]);
    return length > INDEXED_LENGTH_MAX;
  });
}

const textLength = (value: Value | undefined): number =>
  typeof value === "string" ? value.length : 0;

function createIndexMaker({ use }: ReconnectingClient, place: Place) {
  const indexed = new Set<Table>();
  return async (table: Table): Promise<void> => {
    if (indexed.has(table)) return;
    indexed.add(table);
    const sql = indexSql(place, table);
    if (sql !== "") await use((client) => client.query(sql));
  };
}

/** The key of the lock that the connection of a builder holds: if the lock is free, the builder died. */
export function builderLock({ ledger, model, generation }: Place): string {
  return lockKey("builder", modelSchema(ledger, model), String(generation));
}

async function beginBuilding(
  client: ClientBase,
  place: Place,
  tables: readonly Table[],
): Promise<void> {
  await queryCells(client, { text: "SELECT pg_advisory_lock($1)" }, [builderLock(place)]);
  await inTransaction(client, async () => {
    await setBuilding(client, place, true);
    for (const table of tables) {
      const text = `
        SELECT indexrelid::regclass FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary`;
      const found = await queryCells(client, { text }, [tableName(place, table)]);
      for (const [index] of found) await client.query(`DROP INDEX ${index}`);
    }
  });
}

async function finishBuilding(
  client: ClientBase,
  place: Place,
  tables: readonly Table[],
): Promise<void> {
  // Without statistics the planner takes a new table for an empty one.
  for (const table of tables) await client.query(`ANALYZE ${tableName(place, table)}`);
  await setBuilding(client, place, false);
}

/** Called on a connection that waits for the disk: when this row is durable, so are all earlier commits. */
async function setBuilding(client: ClientBase, place: Place, isBuilding: boolean): Promise<void> {
  const { ledger, model, generation } = place;
  const text = `UPDATE ${catalogueOf(ledger)} SET building = $3 WHERE model = $1 AND generation = $2`;
  await queryCells(client, { text }, [model, generation, isBuilding]);
}
