import type { BuildingStore } from "@counterfoil/processing/ports/model-store";
import type { Table } from "@counterfoil/processing/ports/table";
import type { ClientBase } from "pg";
import { queryCells } from "./client.ts";
import { MODEL } from "./engine-error.ts";
import { createLastingClient } from "./lasting-client.ts";
import { inTransaction } from "./layout.ts";
import { catalogueOf, indexSql, type Place, tableName } from "./model-layout.ts";
import { openModelStore } from "./model-store.ts";
import type { Server } from "./server.ts";
import { lockKey, modelSchema } from "./sql-name.ts";

/** Sorting what ten million events made takes its time. */
const TIMEOUT_MS = 3_600_000;

const SORTS = { maintenance_work_mem: "256MB" };

/**
 * Opens a generation that was just created, to fill it. Its indexes beside the keys are made at the
 * end, in one sort each, since one that grows in random order is soon larger than the server's
 * cache. A table that is searched before that gets its indexes then.
 */
export async function openBuildingStore(
  server: Server,
  place: Place,
  tables: readonly Table[],
): Promise<BuildingStore> {
  const indexed = new Set<Table>();
  const builder = createLastingClient({
    server,
    use: MODEL,
    client: { access: "write", timeoutMs: TIMEOUT_MS, isPipelined: false, settings: SORTS },
  });

  async function makeIndexes(client: ClientBase, table: Table): Promise<void> {
    if (indexed.has(table)) return;
    indexed.add(table);
    const sql = indexSql(place, table);
    if (sql !== "") await client.query(sql);
  }

  const beforeSearch = async (table: Table) => {
    if (!indexed.has(table)) await builder.use((client) => makeIndexes(client, table));
  };

  try {
    await builder.use((client) => beginBuilding(client, place, tables));
    const store = await openModelStore(server, place, { beforeSearch });
    const close = async () => {
      builder.close();
      await store.close();
    };
    return {
      ...store,
      close,
      finish: async () => {
        await builder.use(async (client) => {
          for (const table of tables) await makeIndexes(client, table);
          // Without figures of its own the planner takes a new table for an empty one.
          for (const table of tables) await client.query(`ANALYZE ${tableName(place, table)}`);
          await setBuilding(client, place, false);
        });
        await close();
      },
    };
  } catch (error) {
    builder.close();
    throw error;
  }
}

/** Held by the connection of whoever builds a generation: where it is free, its builder died. */
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

/** Over a connection that waits for the disk: with this row, everything before it is durable. */
async function setBuilding(client: ClientBase, place: Place, isBuilding: boolean): Promise<void> {
  const { ledger, model, generation } = place;
  const text = `UPDATE ${catalogueOf(ledger)} SET building = $3 WHERE model = $1 AND generation = $2`;
  await queryCells(client, { text }, [model, generation, isBuilding]);
}
