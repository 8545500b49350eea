import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Rows, Selection } from "../ports/model-store.ts";
import { ENTRIES, entry, selectionByTime, storeOf } from "../testing/sample-tables.ts";
import { rememberRows } from "./remembered-rows.ts";

const SEQS = { min: 1, max: 30 };

const stored = fc
  .uniqueArray(
    fc.record({
      account: fc.constantFrom("a", "b"),
      seq: fc.integer(SEQS),
      at: fc.integer({ min: 0, max: 4 }),
    }),
    { maxLength: 40, selector: ({ account, seq }) => account + seq },
  )
  .map((rows) => rows.map(({ account, seq, at }) => entry(account, seq, { at: BigInt(at) })));

const selection = fc
  .record({
    descending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 8 }),
    from: fc.option(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer(SEQS))),
    account: fc.option(fc.constantFrom("a", "b"), { freq: 8 }),
    bytesMax: fc.option(fc.constant(20), { freq: 8 }),
  })
  .map(
    ({ from, account, bytesMax, ...rest }): Selection => ({
      ...rest,
      ...selectionByTime(from, account),
      ...(bytesMax === null ? {} : { bytesMax }),
    }),
  );

const question = fc.oneof(
  { weight: 4, arbitrary: selection },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("a", "b"), fc.integer(SEQS)) },
);

describe("rows that are remembered", () => {
  test("answer as the store does, whatever was asked before", async () => {
    await fc.assert(
      fc.asyncProperty(stored, fc.array(question, { maxLength: 30 }), async (rows, questions) => {
        const store = await storeOf(rows);
        const remembered = rememberRows(store);
        for (const asked of questions) {
          if ("orderBy" in asked) {
            const found = await remembered.select(ENTRIES, asked);
            expect(found).toEqual(await store.select(ENTRIES, asked));
          } else {
            expect(await remembered.get(ENTRIES, asked)).toEqual(await store.get(ENTRIES, asked));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("are looked around in without asking again, and are the same objects", async () => {
    const store = await storeOf(Array.from({ length: 30 }, (_, at) => entry("a", at + 1)));
    let calls = 0;
    const counted: Rows = {
      ...store,
      get: (table, key) => {
        calls += 1;
        return store.get(table, key);
      },
      select: (table, asked) => {
        calls += 1;
        return store.select(table, asked);
      },
    };
    const remembered = rememberRows(counted);
    const orderBy = ["account", "seq"];
    const all = await remembered.select(ENTRIES, { orderBy, limit: 20 });
    for (let seq = 5; seq < 15; seq += 1) {
      const around = { orderBy, beyond: ["a", seq], limit: 3 };
      expect(await remembered.select(ENTRIES, around)).toEqual(all.slice(seq, seq + 3));
      const [before] = await remembered.select(ENTRIES, { ...around, descending: true });
      expect(before).toBe(all[seq - 2]);
      expect(await remembered.get(ENTRIES, ["a", seq])).toBe(all[seq - 1]);
    }
    expect(calls).toBe(1);
    expect(remembered.asked()).toBe(20 + 10 * (3 + 3 + 1));
  });
});
