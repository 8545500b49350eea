import type { Hashing } from "@counterfoil/core/hashing";
import { describe, expect, test } from "@jest/globals";
import type { Selection, Table } from "../ports/model-store.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { createRowBuffer } from "./row-buffer.ts";

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

async function openBuffer() {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("balances", { tables: [QUEUE], modelVersion: 1 });
  const store = await catalogue.openForWriting("balances", 1);
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
