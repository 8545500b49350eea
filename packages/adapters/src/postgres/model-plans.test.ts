import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type {
  ColumnType,
  Condition,
  ModelStore,
  Selection,
  Table,
  Value,
} from "@counterfoil/processing/ports/model-store";
import { ENTRIES, entry, putEntries, TABLES } from "@counterfoil/processing/testing/sample-tables";
import { beforeAll, expect, test } from "@jest/globals";
import { createTablesSql } from "../sql/tables.ts";
import { ALWAYS_BY_INDEX, closeClient, openClient, queryCells } from "./client.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { PAGES_BY_INDEX, type Place, POSTGRES, tableName } from "./model-tables.ts";
import { serverOf } from "./server.ts";
import { describePostgres } from "./testing/use-postgres.ts";

const ROWS = 5_000;

const HOT: Readonly<Record<ColumnType, Value>> = { text: "1", integer: 1, nanos: 1n };

/** Every selection that an index has in its order: its first columns are fixed, and the next ones order. */
function selectionsOf(table: Table): Selection[] {
  const hotIn = (column: string): Value => HOT[table.columns[column]?.type ?? "text"];
  return [table.key, ...table.indexes].flatMap((columns) =>
    columns.slice(0, -1).flatMap((_, at) => {
      const [fixed, next = ""] = [columns.slice(0, at + 1), columns[at + 1]];
      const where = fixed.map((column): Condition => ({ column, is: "=", value: hotIn(column) }));
      const until: Condition = { column: next, is: "<=", value: hotIn(next) };
      const all = { where, orderBy: columns, limit: 7 };
      return [false, true].flatMap((descending) => [
        { ...all, descending },
        { ...all, descending, beyond: columns.map(hotIn) },
        { ...all, descending, where: [...where, until], limit: 1 },
      ]);
    }),
  );
}

/** Rows that are alike but for the last column of their key, or in nothing. */
function rowsOf({ columns, key }: Table, { count, areHot }: { count: number; areHot: boolean }) {
  return Array.from({ length: count }, (_, at) =>
    Object.fromEntries(
      Object.entries(columns).map(([column, { type }]) => {
        const value = areHot && column !== key.at(-1) ? 1 : 1000 * Number(!areHot) + at;
        return [column, { text: String(value), integer: value, nanos: BigInt(value) }[type]];
      }),
    ),
  );
}

describePostgres("each selection on PostgreSQL seeks in the index that has its order", (use) => {
  const STATES = ["while the server has no statistics", "where the server knows of no hot key"];
  test.each(MODEL_NAMES.flatMap((model) => STATES.map((state) => [model, state] as const)))(
    "%s, %s",
    async (model, state) => {
      const { tables, version: modelVersion } = PROJECTIONS[model];
      const place: Place = { ledger: use().newLedger(), model, generation: 1 };
      const catalogue = openModelCatalogue({ url: use().url, ledger: place.ledger });
      await catalogue.create(model, { tables, modelVersion });
      const store = await catalogue.openForWriting(model, 1);
      const insert = async (options: Parameters<typeof rowsOf>[1]) => {
        const inserts = tables.map((table) => ({ table, rows: rowsOf(table, options) }));
        const checkpoint = await store.checkpoint();
        await store.commit({ inserts, puts: [], deletes: [], checkpoint });
      };
      if (state === STATES[1]) {
        await insert({ count: 1000, areHot: false });
        for (const table of tables) await use().query(`ANALYZE ${tableName(place, table)}`);
      }
      await insert({ count: 150, areHot: true });
      await store.close();
      await catalogue.close();

      const sqlOf = createTablesSql(POSTGRES, (table) => tableName(place, table));
      const settings = { ...ALWAYS_BY_INDEX, ...PAGES_BY_INDEX };
      const options = { access: "read", timeoutMs: 10_000, isPipelined: false, settings } as const;
      const client = await openClient(serverOf(use().url), options);
      const walks: string[] = [];
      for (const table of tables) {
        const { get, select } = sqlOf(table);
        const key = table.key.map((column) => HOT[table.columns[column]?.type ?? "text"]);
        const queries = [{ text: get, values: key }, ...selectionsOf(table).map(select)];
        for (const { text, values } of queries) {
          const lines = await queryCells(client, { text: `EXPLAIN ${text}` }, values);
          const plan = lines.map(([line]) => line).join("\n");
          if (/Sort|Filter|Seq Scan/.test(plan)) walks.push(`${text}: ${plan}`);
        }
      }
      closeClient(client);
      expect(walks).toEqual([]);
    },
  );
});

describePostgres("questions to a read model on PostgreSQL", (use) => {
  let place: Place = { ledger: "", model: "trades", generation: 1 };
  beforeAll(async () => {
    place = { ...place, ledger: use().newLedger() };
    const catalogue = openModelCatalogue({ url: use().url, ledger: place.ledger });
    await catalogue.create("trades", { tables: TABLES, modelVersion: 1 });
    const store: ModelStore = await catalogue.openForWriting("trades", 1);
    for (const account of ["a", "b", "c"]) {
      const rows = Array.from({ length: ROWS }, (_, at) => entry(account, at));
      await store.commit({ ...putEntries([], 1), inserts: [{ table: ENTRIES, rows }] });
    }
    await store.close();
    await catalogue.close();
  });

  test.each([true, false])(
    "a page of one account is sought, descending: %s",
    async (descending) => {
      const sqlOf = createTablesSql(POSTGRES, (table) => tableName(place, table));
      const { text, values } = sqlOf(ENTRIES).select({
        where: [{ column: "account", is: "=", value: "b" }],
        orderBy: ["account", "seq"],
        descending,
        beyond: ["b", ROWS / 2],
        limit: 10,
      });
      const settings = PAGES_BY_INDEX;
      const options = { access: "read", timeoutMs: 10_000, isPipelined: false, settings } as const;
      const client = await openClient(serverOf(use().url), options);
      for (const isAnalyzed of [false, true]) {
        if (isAnalyzed) await use().query(`ANALYZE ${tableName(place, ENTRIES)}`);
        const lines = await queryCells(client, { text: `EXPLAIN (ANALYZE) ${text}` }, values);
        const plan = lines.map(([line]) => line).join("\n");
        expect(plan).toMatch(/Index Cond: .*account.* AND .*seq.*/);
        expect(plan).not.toMatch(/Sort|Seq Scan|Rows Removed/);
      }
      closeClient(client);
    },
  );
});
