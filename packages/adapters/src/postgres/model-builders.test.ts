import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { TABLES } from "@counterfoil/processing/testing/sample-tables";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { startProcess } from "../testing/start-process.ts";
import { openModelCatalogue } from "./model-catalogue.ts";
import { describePostgres } from "./testing/use-postgres.ts";

const BUILDER = new URL("./testing/builder.ts", import.meta.url);
const LAYOUT = { tables: TABLES, modelVersion: 1 };

describePostgres("who builds a model on PostgreSQL", (use) => {
  let ledger = "";
  let catalogue: ModelCatalogue;

  beforeEach(() => {
    ledger = use().newLedger();
    catalogue = openModelCatalogue({ url: use().url, ledger });
  });
  afterEach(() => catalogue.close());

  const tables = async () => {
    const schema = `counterfoil_${ledger}__trades`;
    const found = await use().query(
      `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}' ORDER BY tablename`,
    );
    return found.map(({ tablename }) => String(tablename));
  };
  const start = async (what: "scratch" | "generation") => {
    const builder = startProcess(BUILDER, [use().url, ledger, what]);
    await builder.printed(1);
    return builder;
  };
  /** Makes generations older: those of the last minute are kept, as builders may not hold the lock yet. */
  const age = () =>
    use().query(
      `UPDATE counterfoil_${ledger}.generations SET created_at = created_at - interval '1 hour'`,
    );
  /** The server notices with a delay that a process has died. */
  async function untilDropped(come: () => Promise<unknown>, wanted: readonly string[]) {
    do await come();
    while ((await tables()).length > wanted.length);
    expect(await tables()).toEqual(wanted);
  }

  test("a scratch store leaves nothing behind when it is closed", async () => {
    const scratch = await catalogue.openScratch("trades", LAYOUT);
    expect(await tables()).toHaveLength(TABLES.length);
    await scratch.close();
    expect(await tables()).toEqual([]);
    expect(await use().query(`SELECT * FROM counterfoil_${ledger}.generations`)).toEqual([]);
  });

  test.each(["another scratch store", "a projector that opens the live generation"])(
    "a scratch store stays while its process lives, and goes with %s after that",
    async (who) => {
      const live = await catalogue.create("trades", LAYOUT);
      const own = await tables();
      const come = async () => {
        const store =
          who === "another scratch store"
            ? await catalogue.openScratch("trades", LAYOUT)
            : await catalogue.openForWriting("trades", live ?? 0);
        await store.close();
      };
      const builder = await start("scratch");
      await age();
      await come();
      expect(await tables()).toHaveLength(2 * own.length);
      await builder.kill();
      await untilDropped(come, own);
      expect(await catalogue.generations("trades")).toHaveLength(1);
    },
  );

  test("a generation stays while its builder lives, and goes with the next one after that", async () => {
    const builder = await start("generation");
    await age();
    expect(await catalogue.create("trades", LAYOUT)).toBe(2);
    expect(await tables()).toHaveLength(2 * TABLES.length);
    await (await catalogue.openScratch("trades", LAYOUT)).close();
    await builder.kill();
    const kept = (await tables()).filter((name) => name.endsWith("_2"));
    await untilDropped(async () => {
      const next = await catalogue.create("trades", LAYOUT);
      await catalogue.drop("trades", next ?? 0);
    }, kept);
  });

  test("a role that may not create is told which right it lacks", async () => {
    await catalogue.create("trades", LAYOUT);
    const role = `reader_${ledger}`;
    await use().query(`CREATE ROLE ${role} LOGIN`);
    for (const schema of [`counterfoil_${ledger}`, `counterfoil_${ledger}__trades`]) {
      await use().query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      await use().query(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    }
    const url = new URL(use().url);
    url.username = role;
    const reading = openModelCatalogue({ url: url.href, ledger });
    const opening = reading.openScratch("trades", LAYOUT);
    await expect(opening).rejects.toThrow(ModelUnavailable);
    await expect(opening).rejects.toThrow(/permission denied.*GRANT CREATE/);
    expect(await tables()).toHaveLength(TABLES.length);
    await reading.close();
  });
});
