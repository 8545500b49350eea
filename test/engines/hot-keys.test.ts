import { openModelCatalogue } from "@counterfoil/adapters/postgres/model-catalogue";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import {
  describeOwnPostgres,
  queryOnce,
} from "@counterfoil/adapters/postgres/testing/use-postgres";
import { ENTRIES } from "@counterfoil/processing/models/balances/tables";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { listEntries } from "@counterfoil/processing/queries/entries";
import { expect, test } from "@jest/globals";
import { HOT_SHAPES } from "../system/hot-shapes.ts";
import { FORGETFUL, workOf } from "../system/hot-work.ts";
import { LEDGER, runs } from "../system/support.ts";

const READ = `
  SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) AS rows,
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS clients`;

/** Rows that the server has looked at. The count is complete when all who asked have left. */
async function rowsRead(url: string): Promise<number> {
  for (;;) {
    const [found] = await queryOnce(url, READ);
    if (Number(found?.clients) === 1) return Number(found?.rows);
  }
}

async function connected<T>(url: string, work: (catalogue: ModelCatalogue) => Promise<T>) {
  const catalogue = openModelCatalogue({ url, ledger: LEDGER });
  try {
    return await work(catalogue);
  } finally {
    await catalogue.close();
  }
}

/** Five times as many facts: a question that walks looks at many times the rows that it returns. */
const STRETCH = runs(110);

/**
 * What the server reads for its own figures is in the count too, and comes when it likes. A replaced version
 * of a row is passed over only once the commit that replaced it is on the disk.
 */
const ONLY_ASKED = ["autovacuum=off", "wal_writer_delay=10ms"];

/**
 * What is asked for does not grow with a key: the same tests on SQLite hold that. To find it, the
 * server must not look at more, also while it has no figures of young tables. The fold forgets all rows
 * with each commit, so that it asks for them.
 */
describeOwnPostgres(
  "PostgreSQL reads little more than it is asked for:",
  (use) => {
    test.each(HOT_SHAPES.map((shape) => [shape.name, shape] as const))("%s", async (_, shape) => {
      const url = await newDatabase(use().url);
      const work = await connected(url, (catalogue) =>
        workOf(catalogue, shape, STRETCH, FORGETFUL),
      );
      const { asked, written, facts } = work;
      // Each fact has a look at where the model stands. Replaced versions of rows lie between the others, and
      // are read again until no other session may still see them.
      expect(await rowsRead(url)).toBeLessThanOrEqual(1.5 * (asked + facts) + written);
    });

    test("a page of a long history", async () => {
      const url = await newDatabase(use().url);
      const [shape] = HOT_SHAPES.filter(({ name }) => name === "runs a second apart");
      if (shape === undefined) throw new Error("no such shape");
      await connected(url, (catalogue) => workOf(catalogue, shape, STRETCH));
      const before = await rowsRead(url);
      const { data } = await connected(url, async (catalogue) => {
        const reader = await catalogue.openForReading("balances", 1);
        return reader.snapshot(async (rows) => {
          const [last] = await rows.select(ENTRIES, { orderBy: ENTRIES.key, limit: 1 });
          return listEntries(rows, String(last?.account), {
            page: { limit: 10, beyond: null },
            nextTurn: async () => {},
          });
        });
      });
      expect(data).toHaveLength(10);
      expect((await rowsRead(url)) - before).toBeLessThanOrEqual(50);
    });
  },
  ONLY_ASKED,
);
