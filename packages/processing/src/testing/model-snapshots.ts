import { describe, expect, test } from "@jest/globals";
import type { ModelReader, ModelStore, Row, Rows, Table } from "../ports/model-store.ts";
import type { ModelFixture } from "./model-fixture.ts";
import { checkpointAt, ENTRIES, entry, putEntries, TAGS } from "./sample-tables.ts";

export function describeSnapshots(use: () => ModelFixture): void {
  describe("snapshots", () => {
    test("show the rows and the checkpoint of one commit", async () => {
      const { store, reader } = await open(use);
      await store.commit(putEntries([entry("a", 1, { at: 5n })], 3));
      await reader.snapshot(async (rows, checkpoint, modelVersion) => {
        expect(modelVersion).toBe(1);
        expect(checkpoint).toEqual(checkpointAt(3));
        expect(await rows.get(ENTRIES, ["a", 1])).toEqual(entry("a", 1, { at: 5n }));
        expect(await rows.count(ENTRIES)).toBe(1);
      });
      await reader.close();
    });

    test("do not see what is committed while they last; the next one does", async () => {
      const { store, reader } = await open(use);
      await store.commit(putEntries([entry("a", 1), entry("a", 2)], 1));
      await reader.snapshot(async (rows, checkpoint) => {
        await changeEverything(store);
        await store.commit(putEntries([entry("z", 1)], 3));
        expect(checkpoint).toEqual(checkpointAt(1));
        expect(await all(rows)).toEqual([entry("a", 1), entry("a", 2)]);
        expect(await rows.count(TAGS)).toBe(0);
      });
      const after = await reader.snapshot(async (rows, { position }) => [
        position,
        await all(rows),
      ]);
      expect(after).toEqual([3, [entry("a", 1, { order: "x" }), entry("z", 1)]]);
      await reader.close();
    });

    test("many at once each keep their own moment", async () => {
      const { store, reader } = await open(use);
      const snapshots: Promise<void>[] = [];
      for (let position = 1; position <= 30; position += 1) {
        await store.commit(putEntries([entry("a", position)], position));
        const snapshot = reader.snapshot(async (rows, checkpoint) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          expect(await rows.count(ENTRIES)).toBe(checkpoint.position);
        });
        snapshots.push(snapshot);
        if (position % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await Promise.all(snapshots);
      await reader.close();
    });

    test("of an older layout have null in a column that was added since", async () => {
      const { store, reader } = await open(use);
      await store.commit(putEntries([entry("a", 1, { at: 5n })], 1));
      const since = { type: "nanos", state: false, isAdded: true } as const;
      const now: Table = { ...ENTRIES, columns: { ...ENTRIES.columns, since } };
      const row = { ...entry("a", 1, { at: 5n }), since: null };
      await reader.snapshot(async (rows) => {
        expect(await rows.get(now, ["a", 1])).toEqual(row);
        for (const bytesMax of [{}, { bytesMax: 1000 }]) {
          const selection = { orderBy: ["account", "seq"], limit: 9, ...bytesMax };
          expect(await rows.select(now, selection)).toEqual([row]);
        }
      });
      await reader.close();
    });

    test("what the reading throws comes out, and the reader stays of use", async () => {
      const { store, reader } = await open(use);
      await store.commit(putEntries([entry("a", 1)], 1));
      for (let round = 0; round < 20; round += 1) {
        const failing = reader.snapshot(async () => {
          throw new Error("the caller's own");
        });
        await expect(failing).rejects.toThrow("the caller's own");
      }
      expect(await reader.snapshot((rows) => rows.count(ENTRIES))).toBe(1);
      await reader.close();
    });

    test("never show half a commit", async () => {
      const { store, reader } = await open(use);
      const writing = (async () => {
        for (let position = 1; position <= 50; position += 1) {
          const rows = Array.from({ length: 20 }, (_, at) =>
            entry("a", at, { order: `${position}` }),
          );
          await store.commit(putEntries(rows, position));
          await new Promise(setImmediate);
        }
      })();
      for (let round = 0; round < 50; round += 1) {
        await reader.snapshot(async (rows, { position }) => {
          const found = new Set((await all(rows)).map(({ order }) => order));
          expect([...found]).toEqual(position === 0 ? [] : [`${position}`]);
        });
        await new Promise(setImmediate);
      }
      await writing;
      await reader.close();
    });
  });
}

async function open(use: () => ModelFixture): Promise<{ store: ModelStore; reader: ModelReader }> {
  const { createStore, openAnother } = use();
  const store = await createStore();
  const reader = await (await openAnother()).openForReading("withdrawals", store.generation);
  return { store, reader };
}

async function changeEverything(store: ModelStore): Promise<void> {
  await store.commit({
    inserts: [],
    puts: [
      { table: ENTRIES, rows: [entry("a", 1, { order: "x" })] },
      { table: TAGS, rows: [{ tag: "t", number: 1 }] },
    ],
    deletes: [{ table: ENTRIES, keys: [["a", 2]] }],
    checkpoint: checkpointAt(2),
  });
}

function all(rows: Rows): Promise<readonly Row[]> {
  return rows.select(ENTRIES, { orderBy: ["account", "seq"], limit: 999 });
}
