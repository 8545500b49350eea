import { describe, expect, test } from "@jest/globals";
import type { Among, Condition, ModelStore, Row, Selection, Value } from "../ports/model-store.ts";
import type { ModelFixture } from "./model-fixture.ts";
import { ENTRIES, entry, putEntries, TAGS } from "./sample-tables.ts";

const LARGE = 1_638_189_426_534_066_000n;

const ROWS: readonly Row[] = [
  entry("a", 1, { order: "x", at: LARGE }),
  entry("a", 2, { order: null, at: LARGE + 1n }),
  entry("a", 3, { order: "y", at: LARGE + 2n, 'quo"ted': 5 }),
  entry("b", 4, { order: "Y", at: LARGE + 1n }),
  entry("b", 5, { order: "x", at: null }),
];

const CONDITIONS: readonly [Condition[], readonly number[]][] = [
  [[], [1, 2, 3, 4, 5]],
  [[{ column: "account", is: "=", value: "a" }], [1, 2, 3]],
  [[{ column: "seq", is: "=", value: 4 }], [4]],
  [[{ column: "at", is: "=", value: LARGE + 1n }], [2, 4]],
  [[{ column: "order", is: "=", value: null }], [2]],
  [[{ column: "seq", is: "<", value: 3 }], [1, 2]],
  [[{ column: "seq", is: "<=", value: 3 }], [1, 2, 3]],
  [[{ column: "at", is: ">", value: LARGE }], [2, 3, 4]],
  [[{ column: "at", is: ">=", value: LARGE + 2n }], [3]],
  [[{ column: "order", is: ">=", value: "" }], [1, 3, 4, 5]],
  [[{ column: "at", is: "<", value: null }], []],
  [[{ column: "account", is: "in", value: ["b", "c"] }], [4, 5]],
  [[{ column: "seq", is: "in", value: [1, 5, 99] }], [1, 5]],
  [[{ column: "at", is: "in", value: [LARGE, LARGE + 2n] }], [1, 3]],
  [[{ column: "order", is: "in", value: ["y", null] }], [2, 3]],
  [[{ column: "order", is: "in", value: [] }], []],
  [[{ column: "order", is: "=", value: "' OR 1=1 --" }], []],
  [[{ column: 'quo"ted', is: "=", value: 5 }], [3]],
  [
    [
      { column: "account", is: "=", value: "a" },
      { column: "seq", is: ">", value: 1 },
      { column: "order", is: "in", value: ["x", "y"] },
    ],
    [3],
  ],
];

export function describeSelections(use: () => ModelFixture): void {
  describe("selections", () => {
    describeConditions(use);
    describeAmong(use);
    describeOrders(use);
  });
}

function describeConditions(use: () => ModelFixture): void {
  test.each(CONDITIONS)("where %j", async (where, expected) => {
    const store = await filled(use, ROWS);
    expect(await seqsOf(store, { where, orderBy: ["seq"], limit: 99 })).toEqual(expected);
    expect(await store.count(ENTRIES, where)).toBe(expected.length);
    for (const most of [0, 1, 99]) {
      expect(await store.count(ENTRIES, where, most)).toBe(Math.min(expected.length, most));
    }
  });

  test("a long list", async () => {
    const store = await filled(use, ROWS);
    const value = Array.from({ length: 50_000 }, (_, at) => at + 4);
    const where = [{ column: "seq", is: "in", value }] as const;
    expect(await seqsOf(store, { where, orderBy: ["seq"], limit: 99 })).toEqual([4, 5]);
  });

  test("a column that is not described is refused", async () => {
    const store = await filled(use, ROWS);
    const where = [{ column: "seq = 1 OR 1", is: "=", value: 1 }] as const;
    await expect(store.select(ENTRIES, { where, orderBy: ["seq"], limit: 1 })).rejects.toThrow(
      "no column",
    );
    await expect(store.select(ENTRIES, { orderBy: ["1; --"], limit: 1 })).rejects.toThrow(
      "no column",
    );
  });
}

const PARTS: readonly Row[] = [
  entry("a:b:c", 1),
  entry("a:b.:c", 2),
  entry("a:x:b:c", 3),
  entry("a:b*:c", 4),
  entry("A:B:C", 5),
  entry("a::c", 6),
  entry("a:%41:c", 7),
];

const AMONG: readonly [Among, readonly number[]][] = [
  [{ column: "account", is: "like", value: ["a:", ":c"] }, [1, 2, 4, 6, 7]],
  [{ column: "account", is: "like", value: ["a:b:c"] }, [1]],
  [{ column: "account", is: "like", value: ["a:b.:", ""] }, [2]],
  [{ column: "account", is: "like", value: ["a:b*:", ""] }, [4]],
  [{ column: "account", is: "like", value: ["a:%41:", ""] }, [7]],
  [{ column: "account", is: "like", value: ["", ":b:", ""] }, [1]],
  [{ column: "account", is: "like", value: ["", ":", ":b:", ""] }, [3]],
  [{ column: "seq", is: "in", value: [1, 9] }, [1]],
  [{ anyOf: [] }, []],
  [
    {
      anyOf: [
        { column: "seq", is: "=", value: 5 },
        { column: "account", is: "like", value: ["a:b*:", ""] },
      ],
    },
    [4, 5],
  ],
  [
    {
      column: "account",
      is: "of",
      table: TAGS,
      among: { anyOf: [{ column: "number", is: ">", value: 1 }] },
    },
    [3, 5],
  ],
];

function describeAmong(use: () => ModelFixture): void {
  test.each(AMONG)("among %j", async (among, expected) => {
    const store = await use().createStore();
    const tags = [
      { tag: "a:b:c", number: 1 },
      { tag: "a:x:b:c", number: 2 },
      { tag: "A:B:C", number: 3 },
    ];
    const { puts, ...rest } = putEntries(PARTS);
    await store.commit({ ...rest, puts: [...puts, { table: TAGS, rows: tags }] });
    expect(await seqsOf(store, { among, orderBy: ["seq"], limit: 99 })).toEqual(expected);
    const where = [{ column: "seq", is: ">", value: 2 }] as const;
    const page = { among, where, orderBy: ["seq"], beyond: [3], limit: 1 };
    expect(await seqsOf(store, page)).toEqual(expected.filter((seq) => seq > 3).slice(0, 1));
  });
}

function describeOrders(use: () => ModelFixture): void {
  test("ascending and descending, by several columns", async () => {
    const store = await filled(use, ROWS.slice(0, 4));
    const orderBy = ["at", "seq"];
    expect(await seqsOf(store, { orderBy, limit: 99 })).toEqual([1, 2, 4, 3]);
    expect(await seqsOf(store, { orderBy, descending: true, limit: 3 })).toEqual([3, 4, 2]);
  });

  test("text is ordered by code points, whatever the language", async () => {
    const words = ["", "A", "Z", "_", "a", "z", "Ä", "ä", "漢", "\ufffd", "😀"];
    const store = await filled(use, words.map((word) => entry(word, 1)).reverse());
    const rows = await store.select(ENTRIES, { orderBy: ["account"], limit: 99 });
    expect(rows.map(({ account }) => account)).toEqual(words);
  });

  test.each([false, true])("pages meet every row once, descending: %s", async (descending) => {
    const rows = Array.from({ length: 50 }, (_, at) =>
      entry(`account ${at % 3}`, at, { at: LARGE + BigInt(at % 7) }),
    );
    const store = await filled(use, rows);
    const orderBy = ["at", "account", "seq"];
    const all = await store.select(ENTRIES, { orderBy, descending, limit: 99 });
    const paged: Row[] = [];
    for (let page = all.slice(0, 4); page.length > 0; ) {
      paged.push(...page);
      const last = paged.at(-1) as Row;
      const beyond = orderBy.map((column) => last[column] ?? null);
      page = [...(await store.select(ENTRIES, { orderBy, descending, beyond, limit: 4 }))];
    }
    expect(paged).toEqual(all);
    expect(paged).toHaveLength(50);
  });

  test.each([
    [["a", 1], false, [2, 3]],
    [["a", 3], true, [2, 1]],
    [["", 9], false, [1, 2, 3]],
    [["b", 0], false, []],
    [["b", 0], true, [3, 2, 1]],
  ])("a page within one value of the first column, beyond %j", async (beyond, descending, seqs) => {
    const store = await filled(use, ROWS);
    const where = [{ column: "account", is: "=", value: "a" }] as const;
    const orderBy = ["account", "seq"];
    expect(await seqsOf(store, { where, orderBy, descending, beyond, limit: 9 })).toEqual(seqs);
  });

  test.each([false, true])("pages are bounded by bytes too, descending: %s", async (descending) => {
    const long = "α".repeat(1000);
    const rows = Array.from({ length: 20 }, (_, at) =>
      entry(`account ${at}`, at, { order: at === 7 ? null : long.slice(at) }),
    );
    const store = await filled(use, rows);
    const selection = { orderBy: ["seq"], descending, limit: 99, bytesMax: 3000 };
    const pages: Row[][] = [];
    for (let beyond: readonly Value[] | undefined; ; ) {
      const page = await store.select(ENTRIES, { ...selection, ...(beyond && { beyond }) });
      const last = page.at(-1);
      if (last === undefined) break;
      pages.push([...page]);
      beyond = [last.seq ?? null];
    }
    const { bytesMax: _, ...whole } = selection;
    expect(pages.flat()).toEqual(await store.select(ENTRIES, whole));
    for (const page of pages) expect(page.length).toBeLessThanOrEqual(4);
    expect(pages.length).toBeGreaterThan(4);
    const first = { ...selection, bytesMax: 1 };
    expect(await seqsOf(store, first)).toEqual([descending ? 19 : 0]);
  });

  test("no page goes on beyond its only row", async () => {
    const store = await filled(use, ROWS);
    const where = [{ column: "seq", is: "=", value: 4 }] as const;
    expect(await seqsOf(store, { where, orderBy: ["seq"], beyond: [4], limit: 9 })).toEqual([]);
  });

  test("a page stays where it is when rows come and go before it", async () => {
    const store = await filled(use, ROWS.slice(0, 4));
    const next = { orderBy: ["seq"], beyond: [2], limit: 1 };
    expect(await seqsOf(store, next)).toEqual([3]);
    const deletes = [{ table: ENTRIES, keys: [["a", 2]] }];
    await store.commit({ ...putEntries([entry("c", 0)], 2), deletes });
    expect(await seqsOf(store, next)).toEqual([3]);
  });
}

async function filled(use: () => ModelFixture, rows: readonly Row[]): Promise<ModelStore> {
  const store = await use().createStore();
  await store.commit(putEntries(rows));
  return store;
}

async function seqsOf(store: ModelStore, selection: Selection): Promise<readonly unknown[]> {
  return (await store.select(ENTRIES, selection)).map(({ seq }) => seq);
}
