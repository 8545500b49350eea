import type { Hashing } from "@counterfoil/core/hashing";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Row, Selection, Table } from "../ports/model-store.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { createRowBuffer } from "./row-buffer.ts";
import { inOrderOf, isBeyond, meets } from "./selection.ts";

const hashing: Hashing = { sha256: () => "0".repeat(64) } as unknown as Hashing;

const QUEUE: Table = {
  name: "queue",
  columns: {
    id: { type: "text", state: true },
    line: { type: "text", state: true },
    at: { type: "integer", state: true },
  },
  key: ["id"],
  indexes: [["line", "at"]],
  digested: "none",
  partition: "line",
};

const row = (id: string, line: string, at: number) => ({ id, line, at });

const CHANGES: Table = {
  name: "changes",
  columns: { position: { type: "integer", state: true }, text: { type: "text", state: true } },
  key: ["position"],
  indexes: [],
  digested: "none",
};

async function openStore() {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("balances", { tables: [QUEUE, CHANGES], modelVersion: 1 });
  return catalogue.openForWriting("balances", 1);
}

async function openBuffer() {
  const store = await openStore();
  const buffer = createRowBuffer(store, await store.checkpoint(), hashing);
  for (const at of [1, 2, 3, 4, 5]) buffer.put(QUEUE, row(`s${at}`, "a", at), null);
  await buffer.commit(1, "");
  return buffer;
}

const inLine = (line: string, rest: Partial<Selection> = {}): Selection => ({
  where: [{ column: "line", is: "=", value: line }],
  orderBy: ["line", "at"],
  limit: 10,
  ...rest,
});

describe("what a buffer selects", () => {
  test("is what was committed and what was put since, in the selection's order", async () => {
    const buffer = await openBuffer();
    buffer.put(QUEUE, row("n", "a", 2.5), null);
    const ids = async (selection: Selection) =>
      (await buffer.select(QUEUE, selection)).map(({ id }) => id);
    expect(await ids(inLine("a"))).toEqual(["s1", "s2", "n", "s3", "s4", "s5"]);
    expect(await ids(inLine("a", { limit: 3 }))).toEqual(["s1", "s2", "n"]);
    expect(await ids(inLine("a", { descending: true, limit: 4 }))).toEqual(["s5", "s4", "s3", "n"]);
    expect(await ids(inLine("a", { beyond: ["a", 2], limit: 2 }))).toEqual(["n", "s3"]);
  });

  test("has rows where they are now: moved within the partition, out of it, or gone", async () => {
    const buffer = await openBuffer();
    buffer.put(QUEUE, row("s1", "a", 9), row("s1", "a", 1));
    buffer.put(QUEUE, row("s2", "b", 2), row("s2", "a", 2));
    buffer.remove(QUEUE, row("s3", "a", 3), row("s3", "a", 3));
    const ids = async (line: string, rest: Partial<Selection> = {}) =>
      (await buffer.select(QUEUE, inLine(line, rest))).map(({ id }) => id);
    expect(await ids("a")).toEqual(["s4", "s5", "s1"]);
    expect(await ids("a", { limit: 2 })).toEqual(["s4", "s5"]);
    expect(await ids("b")).toEqual(["s2"]);
    buffer.put(QUEUE, row("s2", "a", 2), null);
    expect(await ids("b")).toEqual([]);
    expect(await ids("a")).toEqual(["s2", "s4", "s5", "s1"]);
    await buffer.commit(2, "");
    expect(await ids("a")).toEqual(["s2", "s4", "s5", "s1"]);
  });

  test("is found without reading what its partition holds besides", async () => {
    const buffer = await openBuffer();
    let reads = 0;
    const counted = (at: number) =>
      new Proxy(row(`n${at}`, "c", at), {
        get: (target, column) => {
          reads += 1;
          return Reflect.get(target, column);
        },
      });
    for (let at = 1; at <= 4096; at += 1) buffer.put(QUEUE, counted(at), null);
    const where = [
      { column: "line", is: "=" as const, value: "c" },
      { column: "at", is: "=" as const, value: 4000 },
    ];
    for (const descending of [false, true]) {
      const only = { where, orderBy: ["line", "at", "id"], descending, limit: 1 };
      await buffer.select(QUEUE, only);
      reads = 0;
      expect((await buffer.select(QUEUE, only)).map(({ id }) => id)).toEqual(["n4000"]);
      expect(reads).toBeLessThan(200);
    }
  });

  test("refuses a selection that goes over partitions", async () => {
    const buffer = await openBuffer();
    await expect(buffer.select(QUEUE, { orderBy: ["id"], limit: 1 })).rejects.toThrow("one line");
  });
});

const IDS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const LINES = ["x", "y"];

/** A row is put, in any line and at any place, or removed. */
const change = fc.record({
  id: fc.constantFrom(...IDS),
  line: fc.option(fc.constantFrom(...LINES), { freq: 3 }),
  at: fc.integer({ min: 0, max: 6 }),
});

const asked = fc
  .record({
    line: fc.constantFrom(...LINES),
    at: fc.option(fc.integer({ min: 0, max: 6 })),
    least: fc.option(fc.integer({ min: 0, max: 6 }), { freq: 4 }),
    beyond: fc.option(fc.tuple(fc.integer({ min: -1, max: 7 }), fc.constantFrom("", ...IDS))),
    descending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ line, at, least, beyond, ...rest }): Selection => {
    const ofLine = { column: "line", is: "=", value: line } as const;
    const atPlace = at === null ? [] : [{ column: "at", is: "=", value: at } as const];
    const atLeast = least === null ? [] : [{ column: "at", is: ">=", value: least } as const];
    const where = [ofLine, ...atPlace, ...atLeast];
    return { where, orderBy: ["at", "id"], ...rest, ...(beyond === null ? {} : { beyond }) };
  });

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ change }) },
  { weight: 4, arbitrary: fc.record({ asked }) },
  { weight: 1, arbitrary: fc.constant("commit" as const) },
);

/** A buffer over a store that counts what it is asked for. */
async function openCounted() {
  const store = await openStore();
  let questions = 0;
  const counted = {
    ...store,
    get: (...args: Parameters<typeof store.get>) => {
      questions += 1;
      return store.get(...args);
    },
    select: (...args: Parameters<typeof store.select>) => {
      questions += 1;
      return store.select(...args);
    },
  };
  const buffer = createRowBuffer(counted, await store.checkpoint(), hashing);
  return { buffer, questions: () => questions };
}

describe("rows that a buffer knows", () => {
  test("are those that there are, whatever was read, put, removed and committed before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { buffer } = await openCounted();
        const rows = new Map<string, Row>();
        let position = 0;
        for (const one of steps) {
          if (one === "commit") {
            position += 1;
            await buffer.commit(position, "");
          } else if ("change" in one) {
            const { id, line, at } = one.change;
            const stored = await buffer.get(QUEUE, [id]);
            expect(stored).toEqual(rows.get(id) ?? null);
            const next = row(id, line ?? "", at);
            if (line === null) {
              buffer.remove(QUEUE, next, stored);
              rows.delete(id);
            } else {
              buffer.put(QUEUE, next, stored);
              rows.set(id, next);
            }
          } else {
            const { where = [], limit } = one.asked;
            const all = [...rows.values()].filter((it) => meets(it, where));
            const there = all.filter((it) => isBeyond(it, one.asked)).sort(inOrderOf(one.asked));
            expect(await buffer.select(QUEUE, one.asked)).toEqual(there.slice(0, limit));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("are not read again, also after they changed and were committed", async () => {
    const { buffer, questions } = await openCounted();
    for (let at = 1; at <= 20; at += 1) buffer.put(QUEUE, row(`s${at}`, "a", at), null);
    await buffer.commit(1, "");
    const all = await buffer.select(QUEUE, inLine("a", { limit: 30 }));
    for (let at = 1; at < 20; at += 1) {
      const last = await buffer.get(QUEUE, [`s${at}`]);
      buffer.put(QUEUE, row(`s${at}`, "a", at + 0.5), last);
      const [next] = await buffer.select(QUEUE, inLine("a", { beyond: ["a", at + 0.5], limit: 1 }));
      expect(next).toBe(all[at]);
      await buffer.commit(at + 1, "");
    }
    expect(questions()).toBe(1);
  });

  test("are not looked for under the position of an event that is not committed", async () => {
    const { buffer, questions } = await openCounted();
    const added = { position: 7, text: "a" };
    expect(await buffer.get(CHANGES, [7])).toBeNull();
    buffer.put(CHANGES, added, null);
    expect(await buffer.get(CHANGES, [7])).toEqual(added);
    await buffer.commit(7, "");
    expect(questions()).toBe(0);
    // A subject that had stopped is folded again, at positions that were committed.
    expect(await buffer.get(CHANGES, [7])).toEqual(added);
    expect(questions()).toBe(1);
  });

  test("are not kept where facts arrive in order and nobody reads them", async () => {
    const { buffer, questions } = await openCounted();
    const end = inLine("a", { descending: true, limit: 1 });
    expect(await buffer.select(QUEUE, end)).toEqual([]);
    for (let at = 0; at < 2500; at += 1) buffer.put(QUEUE, row(`s${at}`, "a", at), null);
    await buffer.commit(1, "");
    expect(await buffer.select(QUEUE, end)).toEqual([row("s2499", "a", 2499)]);
    expect(questions()).toBe(2);
  });

  test("do not have to be skipped again: the oldest of many is withdrawn, one by one", async () => {
    const { buffer, questions } = await openCounted();
    const count = 2000;
    for (let at = 0; at < count; at += 1) buffer.put(QUEUE, row(`s${at}`, "a", at), null);
    await buffer.commit(1, "");
    for (let at = 0; at < count; at += 1) {
      const [oldest] = await buffer.select(QUEUE, inLine("a", { limit: 1 }));
      expect(oldest?.id).toBe(`s${at}`);
      buffer.remove(QUEUE, row(`s${at}`, "a", at), oldest ?? null);
    }
    expect(questions()).toBeLessThan(3 * count);
  });
});
