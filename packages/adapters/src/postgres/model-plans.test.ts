import type { ModelStore } from "@counterfoil/processing/ports/model-store";
import { ENTRIES, entry, putEntries, TABLES } from "@counterfoil/processing/testing/sample-tables";
import { beforeAll, expect, test } from "@jest/globals";
import { createTablesSql } from "../sql/tables.ts";
import { closeClient, openClient, queryCells } from "./client.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { PAGES_BY_INDEX, type Place, POSTGRES, tableName } from "./model-tables.ts";
import { serverOf } from "./server.ts";
import { describePostgres } from "./testing/use-postgres.ts";

const ROWS = 5_000;

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
