import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Row, Selection } from "../ports/model-store.ts";
import { ENTRIES, entry, selectionByTime, storeOf, TABLES } from "../testing/sample-tables.ts";
import { openSession, type Projection } from "./projection.ts";
import { rememberRows } from "./remembered-rows.ts";
import { openScratch } from "./scratch.ts";

/** A model whose events are rows that are put or removed. */
const projection: Projection = {
  model: "balances",
  version: 1,
  tables: TABLES,
  types: new Set(["put", "remove"]),
  open: async (store, hashing) => {
    const none = { ...store, select: async () => [] };
    return openSession({ ...none }, hashing, ({ buffer }) => ({
      apply: async ({ type, data }) => {
        const { account, seq, at } = JSON.parse(data);
        const row = entry(account, seq, { order: `o${at}`, at: BigInt(at) });
        const stored = await buffer.get(ENTRIES, [account, seq]);
        if (type === "put") buffer.put(ENTRIES, row, stored);
        else if (stored !== null) buffer.remove(ENTRIES, stored, stored);
      },
    }));
  },
};

const change = fc.record({
  type: fc.constantFrom("put", "put", "remove"),
  account: fc.constantFrom("a", "b"),
  seq: fc.integer({ min: 1, max: 6 }),
  at: fc.integer({ min: 0, max: 4 }),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const eventOf = ({ type, ...data }: Change) => ({
  ...{ id: "e", type, schema_version: 1, subject: "s", occurred_at: null, about: null },
  ...{ causation_id: null, correlation_id: null, data: JSON.stringify(data) },
});

const selection = fc
  .record({
    descending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
    from: fc.option(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 6 }))),
    account: fc.option(fc.constantFrom("a", "b")),
  })
  .map(({ from, account, ...rest }): Selection => ({ ...rest, ...selectionByTime(from, account) }));

function after(changes: readonly Change[]): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const { type, account, seq, at } of changes) {
    const key = `${account}${seq}`;
    if (type === "remove") rows.delete(key);
    else rows.set(key, entry(account, seq, { order: `o${at}`, at: BigInt(at) }));
  }
  return [...rows.values()];
}

describe("rows of a moment with further events folded onto them", () => {
  test("are answered as if they were stored, and the moment stays as it was", async () => {
    const changes = fc.array(change, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(changes, changes, selection, async (before, further, asked) => {
        const below = await storeOf(after(before));
        const expected = await storeOf(after([...before, ...further]));
        const moment = { rows: rememberRows(below), checkpoint: await below.checkpoint() };
        const scratch = await openScratch(moment, projection, nodeHashing);
        await scratch.fold(further.map(eventOf));
        expect(await scratch.select(ENTRIES, asked)).toEqual(await expected.select(ENTRIES, asked));
        for (const { account, seq } of [...before, ...further]) {
          const key = [account, seq];
          expect(await scratch.get(ENTRIES, key)).toEqual(await expected.get(ENTRIES, key));
        }
        const untouched = await storeOf(after(before));
        expect(await below.select(ENTRIES, asked)).toEqual(await untouched.select(ENTRIES, asked));
      }),
    );
  });
});
