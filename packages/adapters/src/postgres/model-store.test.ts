import { setTimeout as wait } from "node:timers/promises";
import { GenerationMissing, ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { ModelCatalogue, ModelStore } from "@counterfoil/processing/ports/model-store";
import {
  checkpointAt,
  ENTRIES,
  entry,
  putEntries,
  TABLES,
} from "@counterfoil/processing/testing/sample-tables";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openModelCatalogue } from "./model-catalogue.ts";
import { describeOwnPostgres, fixtureOf } from "./testing/use-postgres.ts";

const CHANGES = { inserts: [], puts: [], deletes: [] };
const LAYOUT = { tables: TABLES, modelVersion: 1 };
const BULK = 1_500;

describeOwnPostgres("writing read models on PostgreSQL", (use) => {
  let ledger = "";
  let catalogue: ModelCatalogue;
  let opened: ModelStore[] = [];

  beforeEach(() => {
    ledger = fixtureOf(use().url).newLedger();
    catalogue = openModelCatalogue({ url: use().url, ledger });
  });
  afterEach(async () => {
    for (const store of opened) await store.close();
    opened = [];
    await catalogue.close();
  });

  const open = async (generation: number) => {
    const store = await catalogue.openForWriting("trades", generation);
    opened.push(store);
    return store;
  };
  const query = (sql: string) => fixtureOf(use().url).query(sql);

  test("a bulk commit keeps values as a small one does, and fails as a whole", async () => {
    await catalogue.create("trades", LAYOUT);
    const store = await open(1);
    const rows = Array.from({ length: BULK }, (_, at) =>
      entry(`ünï ${at % 7}\0`.replace("\0", "\\N\t"), at, {
        order: at % 3 === 0 ? null : `'${at}"`,
        at: at % 2 === 0 ? 9_223_372_036_854_775_807n - BigInt(at) : null,
        'quo"ted': Number.MAX_SAFE_INTEGER - at,
      }),
    );
    const inserts = [{ table: ENTRIES, rows }];
    await store.commit({ ...putEntries([], 1), inserts });
    const all = { orderBy: ["seq"], limit: 9_999 };
    expect(await store.select(ENTRIES, all)).toEqual(rows);
    const others = rows.map((row) => ({ ...row, account: "other" }));
    const again = [...others, ...rows.slice(0, 1)];
    const failing = store.commit({
      ...putEntries([], 2),
      inserts: [{ table: ENTRIES, rows: again }],
    });
    await expect(failing).rejects.toThrow("is there already");
    expect(await store.count(ENTRIES)).toBe(BULK);
    const changed = rows.map((row) => ({ ...row, order: "changed" }));
    await store.commit({ ...putEntries(changed, 2), inserts: [{ table: ENTRIES, rows: others }] });
    expect(
      await store.select(ENTRIES, {
        ...all,
        where: [{ column: "order", is: "=", value: "changed" }],
      }),
    ).toEqual(changed);
    expect(await store.count(ENTRIES)).toBe(2 * BULK);
  });

  test("of writers at one place exactly one commits, bulk or small", async () => {
    await catalogue.create("trades", LAYOUT);
    const stores = await Promise.all([open(1), open(1), open(1), open(1)]);
    const commits = stores.map((store, at) => {
      const rows = Array.from({ length: at % 2 === 0 ? BULK : 1 }, (_, seq) => entry("a", seq));
      return store.commit({ ...putEntries([], 1), inserts: [{ table: ENTRIES, rows }] });
    });
    const results = await Promise.allSettled(commits);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("a writer of a generation that was dropped cannot write to the next of its number", async () => {
    await catalogue.create("trades", LAYOUT);
    const store = await open(1);
    await catalogue.drop("trades", 1);
    await expect(store.commit(putEntries([entry("a", 1)]))).rejects.toThrow(ModelUnavailable);
    await expect(store.count(ENTRIES)).rejects.toThrow(GenerationMissing);
    expect(await query(tablesLike("%"))).toEqual([]);
    await catalogue.create("trades", { ...LAYOUT, generation: 1 });
    await expect(store.commit(putEntries([entry("a", 1)]))).rejects.toThrow(ModelUnavailable);
    expect(await (await open(1)).count(ENTRIES)).toBe(0);
  });

  test("a generation that is being built has its number and is not seen before it is finished", async () => {
    await catalogue.create("trades", LAYOUT);
    const building = await catalogue.openForBuilding("trades", 1, TABLES);
    const rows = Array.from({ length: BULK }, (_, at) => entry("a", at, { order: `${at % 5}` }));
    await building.commit({ ...putEntries([], 1), inserts: [{ table: ENTRIES, rows }] });
    expect(await catalogue.generations("trades")).toEqual([]);
    await expect(catalogue.openForReading("trades", 1)).rejects.toThrow(GenerationMissing);
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 1 })).toBeNull();
    expect(await catalogue.create("trades", LAYOUT)).toBe(2);
    expect(await query(indexesLike("%_1"))).toHaveLength(2);
    const where = [{ column: "order", is: "=", value: "3" }] as const;
    expect(await building.select(ENTRIES, { where, orderBy: ["seq"], limit: 999 })).toHaveLength(
      BULK / 5,
    );
    await building.finish();
    expect(await query(indexesLike("%_1"))).toHaveLength(4);
    expect(await (await open(1)).checkpoint()).toEqual(checkpointAt(1));
    expect(await (await open(1)).count(ENTRIES)).toBe(BULK);
  });

  test("what was staged is gone with its connection, and no part of it is committed", async () => {
    await catalogue.create("trades", LAYOUT);
    const store = await open(1);
    await store.commit(putEntries([entry("a", 1)], 1));
    await store.stage({ ...CHANGES, inserts: [{ table: ENTRIES, rows: [entry("a", 2)] }] });
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'",
    );
    await expect(store.commit(putEntries([entry("a", 3)], 2))).rejects.toThrow(ModelUnavailable);
    await expect(store.commit(putEntries([entry("a", 3)], 2))).rejects.toThrow(ModelUnavailable);
    expect(await store.checkpoint()).toEqual(checkpointAt(1));
    expect(await store.count(ENTRIES)).toBe(1);
    await store.commit(putEntries([entry("a", 3)], 2));
    expect(await store.count(ENTRIES)).toBe(2);
  });

  test("what a builder that died left is no generation, and can be dropped", async () => {
    await catalogue.create("trades", LAYOUT);
    const building = await catalogue.openForBuilding("trades", 1, TABLES);
    await building.commit(putEntries([entry("a", 1)]));
    await building.close();
    expect(await catalogue.generations("trades")).toEqual([]);
    await catalogue.drop("trades", 1);
    expect(await query(tablesLike("%"))).toEqual([]);
  });

  test("a generation of a newer program has its number and is not listed", async () => {
    await catalogue.create("trades", LAYOUT);
    await query(`UPDATE counterfoil_${ledger}.generations SET format = 2`);
    expect(await catalogue.generations("trades")).toEqual([]);
    await expect(catalogue.openForWriting("trades", 1)).rejects.toThrow(GenerationMissing);
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 1 })).toBeNull();
  });

  test("commits are whole and in order, whenever their connections are killed", async () => {
    await catalogue.create("trades", LAYOUT);
    let store = await open(1);
    let position = 0;
    const step = fc.record({ isLarge: fc.boolean(), pauseMs: fc.nat(12) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        for (const { isLarge, pauseMs } of steps) {
          const killing = wait(pauseMs).then(() => query(KILL_ALL));
          const next = position + 1;
          while (position < next) {
            try {
              position = (await store.checkpoint()).position;
              if (position < next) await store.commit(commitTo(next, isLarge));
            } catch (error) {
              if (!(error instanceof ModelUnavailable)) throw error;
              store = await reopened(store);
            }
          }
          await killing;
        }
      }),
      { numRuns: 12 },
    );
    const rows = await (await reopened(store)).select(ENTRIES, {
      where: [{ column: "seq", is: "=", value: 0 }],
      orderBy: ["at"],
      limit: 9_999,
    });
    expect(rows.map(({ at }) => Number(at))).toEqual(rows.map((_, at) => at + 1));
    expect(rows).toHaveLength(position);
  });

  /** Like the projector: starts again from the model's checkpoint. */
  async function reopened(store: ModelStore): Promise<ModelStore> {
    await store.close();
    for (;;) {
      try {
        return await open(1);
      } catch (error) {
        if (!(error instanceof ModelUnavailable)) throw error;
      }
    }
  }

  const tablesLike = (pattern: string) =>
    `SELECT tablename FROM pg_tables WHERE schemaname = 'counterfoil_${ledger}__trades' AND tablename LIKE '${pattern}'`;
  const indexesLike = (pattern: string) =>
    `SELECT indexname FROM pg_indexes WHERE schemaname = 'counterfoil_${ledger}__trades' AND tablename LIKE '${pattern}'`;
});

const KILL_ALL = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/** Fails if the commit was applied already, or an earlier one was not. */
function commitTo(position: number, isLarge: boolean) {
  const rows = Array.from({ length: isLarge ? BULK : 2 }, (_, seq) =>
    entry(`at ${position}`, seq, { at: BigInt(position) }),
  );
  return { ...putEntries([], position), inserts: [{ table: ENTRIES, rows }] };
}
