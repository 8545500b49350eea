import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../ports/errors.ts";
import type { Row } from "../ports/model-store.ts";
import type { ModelFixture } from "./model-fixture.ts";
import { checkpointAt, ENTRIES, entry, putEntries, TAGS } from "./sample-tables.ts";

const ROWS: readonly [string, Row][] = [
  ["nulls", entry("a", 1)],
  ["nanoseconds beyond 2^53", entry("a", 1, { at: 1_638_189_426_534_066_001n })],
  ["the largest nanoseconds", entry("a", 1, { at: 9_223_372_036_854_775_807n })],
  ["small nanoseconds as bigint", entry("a", 1, { at: 0n })],
  ["safe integers as numbers", entry("a", Number.MAX_SAFE_INTEGER, { 'quo"ted': -1 })],
  ["text that looks like a number", entry("007", 1, { order: "1e3" })],
  ["no text and odd text", entry("", 0, { order: "'\"\\ \n ünï 漢字 😀" })],
];

export function describeCommits(use: () => ModelFixture): void {
  describe("commits", () => {
    test.each(ROWS)("keep values and their types: %s", async (_, row) => {
      const { createStore } = use();
      const store = await createStore();
      await store.commit(putEntries([row]));
      const key = ENTRIES.key.map((column) => row[column] ?? null);
      expect(await store.get(ENTRIES, key)).toEqual(row);
      expect(await store.select(ENTRIES, { orderBy: ["seq"], limit: 9 })).toEqual([row]);
    });

    test("move rows and checkpoint together", async () => {
      const { createStore } = use();
      const store = await createStore();
      expect((await store.checkpoint()).position).toBe(0);
      await store.commit(putEntries([entry("a", 1)], 7));
      expect(await store.checkpoint()).toEqual(checkpointAt(7));
      await store.commit({ inserts: [], puts: [], deletes: [], checkpoint: checkpointAt(9) });
      expect(await store.checkpoint()).toEqual(checkpointAt(9));
      expect(await store.count(ENTRIES)).toBe(1);
    });

    test("who comes back from a pause cannot write old over new", async () => {
      const { createStore, openAnother } = use();
      const paused = await createStore();
      await paused.commit(putEntries([entry("a", 1, { order: "first" })], 1));
      const other = await (await openAnother()).openForWriting("withdrawals", paused.generation);
      await other.checkpoint();
      await other.commit(putEntries([entry("a", 1, { order: "new" })], 2));
      const late = paused.commit(putEntries([entry("a", 1, { order: "old" })], 2));
      await expect(late).rejects.toThrow(ModelUnavailable);
      await expect(late).rejects.toThrow("another process has written");
      expect(await other.get(ENTRIES, ["a", 1])).toMatchObject({ order: "new" });
      expect(await paused.checkpoint()).toEqual(checkpointAt(2));
      expect(await paused.get(ENTRIES, ["a", 1])).toMatchObject({ order: "new" });
      await paused.commit(putEntries([entry("a", 2)], 3));
      expect(await other.count(ENTRIES)).toBe(2);
      await other.close();
    });

    test("put inserts or replaces the whole row by its key; the later of two wins", async () => {
      const { createStore } = use();
      const store = await createStore();
      await store.commit(putEntries([entry("a", 1, { order: "old", at: 5n }), entry("a", 2)]));
      const rows = Array.from({ length: 40 }, (_, at) => entry("b", at % 20, { order: `${at}` }));
      await store.commit(putEntries([entry("a", 1, { order: "new" }), ...rows]));
      expect(await store.get(ENTRIES, ["a", 1])).toEqual(entry("a", 1, { order: "new" }));
      expect(await store.get(ENTRIES, ["b", 3])).toEqual(entry("b", 3, { order: "23" }));
      expect(await store.get(ENTRIES, ["c", 1])).toBeNull();
      expect(await store.count(ENTRIES)).toBe(22);
    });

    test("insert new rows, and fail as a whole where one is not new", async () => {
      const { createStore } = use();
      const store = await createStore();
      const fresh = Array.from({ length: 40 }, (_, at) => entry("a", at, { at: BigInt(at) }));
      const insert = (rows: readonly Row[], position: number) =>
        store.commit({ ...putEntries([], position), inserts: [{ table: ENTRIES, rows }] });
      await insert(fresh, 1);
      expect(await store.select(ENTRIES, { orderBy: ["seq"], limit: 99 })).toEqual(fresh);
      await expect(insert([entry("b", 1), entry("a", 7)], 2)).rejects.toThrow();
      await expect(insert([entry("b", 1), entry("b", 1)], 2)).rejects.toThrow();
      expect(await store.count(ENTRIES)).toBe(40);
      expect(await store.checkpoint()).toEqual(checkpointAt(1));
    });

    test("puts come before deletes, in all tables at once", async () => {
      const { createStore } = use();
      const store = await createStore();
      await store.commit(putEntries([entry("a", 1), entry("a", 2)]));
      await store.commit({
        inserts: [],
        puts: [
          { table: ENTRIES, rows: [entry("a", 3)] },
          {
            table: TAGS,
            rows: [
              { tag: "x", number: 1 },
              { tag: "x", number: 1 },
            ],
          },
        ],
        deletes: [
          {
            table: ENTRIES,
            keys: [
              ["a", 1],
              ["a", 3],
              ["never", 0],
            ],
          },
        ],
        checkpoint: checkpointAt(2),
      });
      const seqs = (await store.select(ENTRIES, { orderBy: ["seq"], limit: 9 })).map(
        ({ seq }) => seq,
      );
      expect(seqs).toEqual([2]);
      expect(await store.get(TAGS, ["x", 1])).toEqual({ tag: "x", number: 1 });
      expect(await store.count(TAGS)).toBe(1);
    });

    test("that fail leave nothing", async () => {
      const { createStore } = use();
      const store = await createStore();
      await store.commit(putEntries([entry("a", 1)], 1));
      const broken = { account: "a", seq: 99 };
      const rows = Array.from({ length: 20 }, (_, at) => entry("a", at + 2));
      const failing = store.commit(putEntries([entry("a", 1, { order: "x" }), ...rows, broken], 2));
      await expect(failing).rejects.toThrow();
      expect(await store.checkpoint()).toEqual(checkpointAt(1));
      expect(await store.select(ENTRIES, { orderBy: ["seq"], limit: 99 })).toEqual([entry("a", 1)]);
    });

    test("stay when the store is opened again", async () => {
      const { openAnother, createStore } = use();
      const store = await createStore();
      const rows = Array.from({ length: 500 }, (_, at) => entry("a", at, { at: BigInt(at) }));
      await store.commit(putEntries(rows, 8));
      await store.close();
      const again = await (await openAnother()).openForWriting("withdrawals", store.generation);
      expect(await again.checkpoint()).toEqual(checkpointAt(8));
      expect(await again.select(ENTRIES, { orderBy: ["seq"], limit: 1000 })).toEqual(rows);
      await again.close();
    });
  });
}
