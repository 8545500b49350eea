import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import type { Row, Value } from "../ports/model-store.ts";
import {
  type CursorScope,
  decodeCursor,
  encodeCursor,
  type Page,
  type PageSource,
  readPage,
} from "./answers.ts";

/** A list of rows 1 to `count`, filtered by `belongs`. */
function source(count: number, belongs: (n: number) => boolean) {
  let reads = 0;
  let turns = 0;
  const pages: PageSource<number> & { counts: () => readonly number[] } = {
    read: async (beyond, limit) => {
      reads += 1;
      const after = Number(beyond?.[0] ?? 0);
      const length = Math.max(0, Math.min(limit, count - after));
      return Array.from({ length }, (_, at): Row => ({ n: after + at + 1 }));
    },
    keyOf: ({ n = null }) => [n],
    recordOf: ({ n }) => (belongs(Number(n)) ? Number(n) : null),
    nextTurn: async () => {
      turns += 1;
    },
    counts: () => [reads, turns],
  };
  return pages;
}

const all = () => true;

describe("page", () => {
  test.each([
    { count: 0, limit: 3, data: [], next: null },
    { count: 3, limit: 3, data: [1, 2, 3], next: null },
    { count: 4, limit: 3, data: [1, 2, 3], next: [3] },
  ])("of $limit from $count rows", async ({ count, limit, data, next }) => {
    expect(await readPage({ limit, beyond: null }, source(count, all))).toEqual({ data, next });
  });

  test("of many rows yields to other tasks", async () => {
    const many = source(1001, all);
    const page = await readPage({ limit: 1000, beyond: null }, many);
    expect([page.data.length, page.next, ...many.counts()]).toEqual([1000, [1000], 11, 10]);
  });

  test.each([
    [100, 101],
    [250, 251],
    [1000, 1001],
  ])("of %i rows is read with one row more", async (limit, expected) => {
    const many = source(5000, all);
    let rows = 0;
    const read: typeof many.read = async (...asked) => {
      const found = await many.read(...asked);
      rows += found.length;
      return found;
    };
    await readPage({ limit, beyond: null }, { ...many, read });
    expect(rows).toBe(expected);
  });

  test("skips filtered rows, and has no next key after the last match", async () => {
    const even = source(9, (n) => n % 2 === 0);
    expect(await readPage({ limit: 2, beyond: null }, even)).toEqual({ data: [2, 4], next: [5] });
    expect(await readPage({ limit: 2, beyond: [5] }, even)).toEqual({ data: [6, 8], next: null });
  });

  test("ends short of its limit if its rows are long, and can be continued", async () => {
    const note = "x".repeat(300_000);
    const short = source(40, all);
    const long: PageSource<number> = {
      ...short,
      read: async (...asked) =>
        (await short.read(...asked)).slice(0, 9).map((row) => ({ ...row, note })),
    };
    const met: number[] = [];
    for (let beyond: readonly Value[] | null = []; beyond !== null; ) {
      const page: Page<number> = await readPage({ limit: 100, beyond }, long);
      expect(page.data.length).toBeLessThanOrEqual(9);
      met.push(...page.data);
      beyond = page.next;
    }
    expect(met).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
  });

  test("ends short of its limit instead of scanning everything", async () => {
    const rare = source(1_000_000, (n) => n === 1_000_000);
    const page = await readPage({ limit: 99, beyond: null }, rare);
    expect(page).toEqual({ data: [], next: [2000] });
    expect(rare.counts()).toEqual([20, 20]);
  });
});

const hashing = {
  sha1: (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex"),
  sha256: (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex"),
};

const SCOPE: CursorScope = {
  list: "withdrawals",
  filters: { asset: "BTC", stuck: true },
  key: ["nanos", "text", "integer"],
};
const KEY = [1_638_189_426_534_066_001n, 'zerohash:"ÄÖ":日本 🏦', 7];

const cursorOf = (content: unknown) => Buffer.from(JSON.stringify(content)).toString("base64url");

describe("cursor", () => {
  test("gives back its key, to the nanosecond and in any script", () => {
    const cursor = encodeCursor(KEY, SCOPE, hashing);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor(cursor, SCOPE, hashing)).toEqual(KEY);
  });

  test("belongs to its filters whatever their order", () => {
    const cursor = encodeCursor(KEY, SCOPE, hashing);
    const filters = { stuck: true, asset: "BTC" };
    expect(decodeCursor(cursor, { ...SCOPE, filters }, hashing)).toEqual(KEY);
  });

  test.each([
    ["another list", { ...SCOPE, list: "deposits" }],
    ["other filters", { ...SCOPE, filters: { asset: "ETH", stuck: true } }],
    ["fewer filters", { ...SCOPE, filters: { asset: "BTC" } }],
    ["a shorter key", { ...SCOPE, key: ["nanos", "text"] }],
    ["a key of other types", { ...SCOPE, key: ["text", "text", "text"] }],
  ] as const)("is foreign to %s", (_what, scope) => {
    expect(
      decodeCursor(encodeCursor(KEY, SCOPE, hashing), scope as CursorScope, hashing),
    ).toBeNull();
  });

  const of = JSON.parse(atob(encodeCursor(KEY, SCOPE, hashing))).of;
  test.each([
    ["nothing", ""],
    ["no base64url", "a+b/"],
    ["no JSON", Buffer.from("{").toString("base64url")],
    ["no object", cursorOf(7)],
    ["null", cursorOf(null)],
    ["another version", cursorOf({ v: 2, of, key: ["1", "a", 1] })],
    ["no key", cursorOf({ v: 1, of })],
    ["a time that is none", cursorOf({ v: 1, of, key: ["x", "a", 1] })],
    ["a broken number", cursorOf({ v: 1, of, key: ["1", "a", 1.5] })],
  ])("refuses %s", (_what, cursor) => {
    expect(decodeCursor(cursor, SCOPE, hashing)).toBeNull();
  });
});
