import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../ports/errors.ts";
import type { Row, Rows } from "../ports/model-store.ts";
import type { ModelFixture } from "./model-fixture.ts";
import { checkpointAt, ENTRIES, entry, putEntries, TABLES } from "./sample-tables.ts";

const LAYOUT = { tables: TABLES, modelVersion: 3 };

const inserted = (rows: readonly Row[]) => ({
  inserts: [{ table: ENTRIES, rows }],
  puts: [],
  deletes: [],
});

const byOrder = (value: string) =>
  ({ where: [{ column: "order", is: "=", value }], orderBy: ["seq"], limit: 999 }) as const;

const numbersIn = async (rows: Rows) =>
  (await rows.select(ENTRIES, { orderBy: ["seq"], limit: 999 })).map(({ seq }) => seq);

export function describeStaging(use: () => ModelFixture): void {
  describe("what is staged", () => {
    test("is seen by the store itself, and by others with the commit", async () => {
      const { createStore, openAnother } = use();
      const store = await createStore();
      await store.commit(putEntries([entry("a", 1)], 1));
      const reader = await (await openAnother()).openForReading("withdrawals", store.generation);
      const read = () =>
        reader.snapshot(async (rows, { position }) => [await numbersIn(rows), position]);

      await store.stage(inserted([entry("a", 2, { order: "new" }), entry("a", 3)]));
      await store.stage({ ...inserted([]), deletes: [{ table: ENTRIES, keys: [["a", 1]] }] });
      expect(await store.get(ENTRIES, ["a", 1])).toBeNull();
      expect(await store.select(ENTRIES, byOrder("new"))).toEqual([
        entry("a", 2, { order: "new" }),
      ]);
      expect(await store.count(ENTRIES)).toBe(2);
      expect(await read()).toEqual([[1], 1]);

      await store.commit(putEntries([entry("a", 3, { order: "put" })], 2));
      expect(await read()).toEqual([[2, 3], 2]);
      expect(await store.get(ENTRIES, ["a", 3])).toMatchObject({ order: "put" });
      await reader.close();
    });

    test("is discarded where the checkpoint is read again", async () => {
      const { createStore } = use();
      const store = await createStore();
      await store.commit(putEntries([entry("a", 1)], 1));
      await store.stage(inserted([entry("a", 2)]));
      await store.stage(inserted([entry("a", 3)]));
      expect(await store.checkpoint()).toEqual(checkpointAt(1));
      expect(await numbersIn(store)).toEqual([1]);
      await store.commit(putEntries([entry("a", 4)], 2));
      expect(await numbersIn(store)).toEqual([1, 4]);
      expect(await store.checkpoint()).toEqual(checkpointAt(2));
    });

    test.each([
      ["a further part", false],
      ["the commit", true],
    ])("is discarded where %s fails", async (_, isCommit) => {
      const { createStore } = use();
      const store = await createStore();
      await store.commit(putEntries([entry("a", 1)], 1));
      await store.stage(inserted([entry("a", 2)]));
      const taken = inserted([entry("a", 3), entry("a", 1)]);
      const failing = isCommit
        ? store.commit({ ...taken, checkpoint: checkpointAt(2) })
        : store.stage(taken);
      await expect(failing).rejects.toThrow();
      expect(await store.checkpoint()).toEqual(checkpointAt(1));
      expect(await numbersIn(store)).toEqual([1]);
      await store.stage(inserted([entry("a", 2)]));
      await store.commit(putEntries([], 2));
      expect(await numbersIn(store)).toEqual([1, 2]);
    });

    test("is discarded where the store is closed", async () => {
      const { createStore, openAnother } = use();
      const store = await createStore();
      await store.stage(inserted([entry("a", 1)]));
      await store.close();
      const again = await (await openAnother()).openForWriting("withdrawals", store.generation);
      expect(await again.checkpoint()).toMatchObject({ position: 0 });
      expect(await again.count(ENTRIES)).toBe(0);
      await again.close();
    });

    test("is refused where another process has committed", async () => {
      const { createStore, openAnother } = use();
      const paused = await createStore();
      await paused.checkpoint();
      const other = await (await openAnother()).openForWriting("withdrawals", paused.generation);
      await other.checkpoint();
      await other.commit(putEntries([entry("a", 1)], 1));
      await expect(paused.stage(inserted([entry("a", 2)]))).rejects.toThrow(ModelUnavailable);
      expect(await paused.checkpoint()).toEqual(checkpointAt(1));
      await paused.stage(inserted([entry("a", 2)]));
      await paused.commit(putEntries([], 2));
      expect(await numbersIn(other)).toEqual([1, 2]);
      await other.close();
    });

    test("belongs to a generation that is being built like to any other", async () => {
      const { catalogue, openAnother } = use();
      const generation = (await catalogue.create("balances", LAYOUT)) ?? 0;
      const store = await catalogue.openForBuilding("balances", generation, TABLES);
      await store.commit(putEntries([entry("a", 1)], 1));
      await store.stage(inserted([entry("a", 2, { order: "gone" })]));
      expect(await store.select(ENTRIES, byOrder("gone"))).toHaveLength(1);
      expect(await store.checkpoint()).toEqual(checkpointAt(1));
      expect(await store.select(ENTRIES, byOrder("gone"))).toEqual([]);
      await store.stage(inserted([entry("a", 3, { order: "kept" })]));
      await store.stage(inserted([entry("a", 4, { order: "kept" })]));
      await store.commit(putEntries([], 2));
      await store.finish();
      const reader = await (await openAnother()).openForReading("balances", generation);
      await reader.snapshot(async (rows, checkpoint) => {
        expect(checkpoint).toEqual(checkpointAt(2));
        expect(await numbersIn(rows)).toEqual([1, 3, 4]);
        expect(await rows.select(ENTRIES, byOrder("kept"))).toHaveLength(2);
      });
      await reader.close();
    });
  });
}
