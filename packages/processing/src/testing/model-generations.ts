import { describe, expect, test } from "@jest/globals";
import { GenerationMissing, isEngineError } from "../ports/errors.ts";
import type { ModelFixture } from "./model-fixture.ts";
import { checkpointAt, ENTRIES, entry, putEntries, TABLES } from "./sample-tables.ts";

const NO_ROWS = "0".repeat(64);
const START = { position: 0, hash: "", digest: NO_ROWS, state_digest: NO_ROWS };
const LAYOUT = { tables: TABLES, modelVersion: 3 };

export function describeGenerations(use: () => ModelFixture): void {
  describe("generations", () => {
    describeCreation(use);
    describeBuilding(use);
    describeScratch(use);
    describeRemoval(use);
  });
}

function describeCreation(use: () => ModelFixture): void {
  test("are numbered from 1, for each model by itself, and start before the first event", async () => {
    const { catalogue } = use();
    expect(await catalogue.generations("balances")).toEqual([]);
    expect(await catalogue.create("balances", LAYOUT)).toBe(1);
    expect(await catalogue.create("balances", { ...LAYOUT, modelVersion: 4 })).toBe(2);
    expect(await catalogue.create("deposits", LAYOUT)).toBe(1);
    expect(await catalogue.generations("balances")).toEqual([
      { generation: 1, modelVersion: 3, checkpoint: START },
      { generation: 2, modelVersion: 4, checkpoint: START },
    ]);
    expect(await catalogue.generations("trades")).toEqual([]);
  });

  test("a wanted number is taken once, and the next free one lies behind the highest", async () => {
    const { catalogue } = use();
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 10 })).toBe(10);
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 10 })).toBeNull();
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 9 })).toBe(9);
    expect(await catalogue.create("trades", LAYOUT)).toBe(11);
    const numbers = (await catalogue.generations("trades")).map(({ generation }) => generation);
    expect(numbers).toEqual([9, 10, 11]);
  });

  test("racers for the next number get one each", async () => {
    const { openAnother } = use();
    const catalogues = await Promise.all(Array.from({ length: 12 }, openAnother));
    const numbers = await Promise.all(catalogues.map((each) => each.create("balances", LAYOUT)));
    expect(numbers.sort((a, b) => Number(a) - Number(b))).toEqual(numbers.map((_, at) => at + 1));
  });

  test("of racers for one number one gets it", async () => {
    const { openAnother } = use();
    const catalogues = await Promise.all(Array.from({ length: 12 }, openAnother));
    const wanted = { ...LAYOUT, generation: 5 };
    const numbers = await Promise.all(catalogues.map((each) => each.create("balances", wanted)));
    expect(numbers.filter((number) => number === 5)).toHaveLength(1);
    expect(numbers.filter((number) => number === null)).toHaveLength(11);
  });

  test("show how far each has come", async () => {
    const { catalogue, openAnother, createStore } = use();
    const store = await createStore();
    await catalogue.create("withdrawals", LAYOUT);
    await store.commit(putEntries([entry("a", 1)], 42));
    const positions = (await (await openAnother()).generations("withdrawals")).map(
      ({ checkpoint }) => checkpoint,
    );
    expect(positions).toEqual([checkpointAt(42), START]);
  });
}

function describeBuilding(use: () => ModelFixture): void {
  const rows = Array.from({ length: 60 }, (_, at) => entry("a", at, { at: BigInt(at % 7) }));
  const filled = (position: number) => ({
    ...putEntries([entry("a", 3, { order: "put" })], position),
    inserts: [{ table: ENTRIES, rows }],
  });

  test("one that is being built is out of sight, and like any other when it is finished", async () => {
    const { catalogue, openAnother } = use();
    await catalogue.create("balances", LAYOUT);
    const generation = (await catalogue.create("balances", LAYOUT)) ?? 0;
    const store = await catalogue.openForBuilding("balances", generation, TABLES);
    await store.commit(filled(5));
    const other = await openAnother();
    const numbers = async () => (await other.generations("balances")).map((g) => g.generation);
    expect(await numbers()).toEqual([1]);
    await expect(other.openForReading("balances", generation)).rejects.toThrow(GenerationMissing);
    await expect(other.openForWriting("balances", generation)).rejects.toThrow(GenerationMissing);
    expect(await other.create("balances", { ...LAYOUT, generation })).toBeNull();
    expect(await other.create("balances", LAYOUT)).toBe(generation + 1);

    await store.finish();
    expect(await numbers()).toEqual([1, generation, generation + 1]);
    const reader = await other.openForReading("balances", generation);
    const writer = await other.openForWriting("balances", generation);
    await reader.snapshot(async (seen, checkpoint) => {
      await writer.commit(putEntries([entry("b", 1)], 6));
      expect(checkpoint).toEqual(checkpointAt(5));
      expect(await seen.count(ENTRIES)).toBe(60);
      expect(await seen.get(ENTRIES, ["a", 3])).toEqual(entry("a", 3, { order: "put" }));
    });
    expect(await writer.count(ENTRIES)).toBe(61);
    await reader.close();
    await writer.close();
  });

  test("one that is being built answers searches, and fails commits as a whole", async () => {
    const { catalogue } = use();
    const generation = (await catalogue.create("balances", LAYOUT)) ?? 0;
    const store = await catalogue.openForBuilding("balances", generation, TABLES);
    await store.commit(filled(5));
    const byTime = { where: [{ column: "at", is: "=" as const, value: 2n }], orderBy: ["seq"] };
    const found = await store.select(ENTRIES, { ...byTime, limit: 3 });
    expect(found.map(({ seq }) => seq)).toEqual([2, 9, 16]);
    await expect(store.commit(filled(6))).rejects.toThrow();
    expect(await store.checkpoint()).toEqual(checkpointAt(5));
    expect(await store.count(ENTRIES)).toBe(60);
    await store.commit(putEntries([entry("b", 1)], 7));
    expect(await store.checkpoint()).toEqual(checkpointAt(7));
    await store.close();
  });

  test("one whose builder gave up is dropped like any other", async () => {
    const { catalogue } = use();
    const generation = (await catalogue.create("balances", LAYOUT)) ?? 0;
    const store = await catalogue.openForBuilding("balances", generation, TABLES);
    await store.commit(filled(5));
    await store.close();
    await catalogue.drop("balances", generation);
    expect(await catalogue.create("balances", { ...LAYOUT, generation })).toBe(generation);
    expect(await catalogue.generations("balances")).toEqual([
      { generation, modelVersion: 3, checkpoint: START },
    ]);
  });
}

function describeScratch(use: () => ModelFixture): void {
  const rows = Array.from({ length: 60 }, (_, at) => entry("a", at, { at: BigInt(at % 7) }));
  const filled = { ...putEntries([], 5), inserts: [{ table: ENTRIES, rows }] };

  test("a scratch store is none, and takes no number", async () => {
    const { catalogue, openAnother } = use();
    await catalogue.create("balances", LAYOUT);
    const scratch = await catalogue.openScratch("balances", LAYOUT);
    await scratch.commit(filled);
    const other = await openAnother();
    expect((await other.generations("balances")).map((g) => g.generation)).toEqual([1]);
    await expect(other.openForReading("balances", scratch.generation)).rejects.toThrow(
      GenerationMissing,
    );
    expect(await other.create("balances", LAYOUT)).toBe(2);
    expect(scratch.generation).toBeLessThan(1);
    await scratch.close();
    expect(await catalogue.create("balances", LAYOUT)).toBe(3);
  });

  test("a scratch store comes before the first generation, too", async () => {
    const { catalogue } = use();
    const scratch = await catalogue.openScratch("balances", LAYOUT);
    expect(await catalogue.generations("balances")).toEqual([]);
    expect(await catalogue.create("balances", LAYOUT)).toBe(1);
    await scratch.close();
    expect(await catalogue.generations("balances")).toHaveLength(1);
  });

  test("a scratch store begins empty, and takes and answers what any other does", async () => {
    const { catalogue } = use();
    const scratch = await catalogue.openScratch("balances", LAYOUT);
    expect(await scratch.checkpoint()).toEqual(START);
    await scratch.commit(filled);
    await scratch.commit(putEntries([entry("a", 2, { order: "put", at: 9n })], 6));
    expect(await scratch.checkpoint()).toEqual(checkpointAt(6));
    const byTime = { where: [{ column: "at", is: "=" as const, value: 2n }], orderBy: ["seq"] };
    const found = await scratch.select(ENTRIES, { ...byTime, limit: 3 });
    expect(found.map(({ seq }) => seq)).toEqual([9, 16, 23]);
    expect(await scratch.count(ENTRIES)).toBe(60);
    await scratch.close();
    const next = await catalogue.openScratch("balances", LAYOUT);
    expect(await next.count(ENTRIES)).toBe(0);
    await next.close();
  });

  test("scratch stores and one that is being built stand side by side", async () => {
    const { catalogue, openAnother } = use();
    const generation = (await catalogue.create("balances", LAYOUT)) ?? 0;
    const building = await catalogue.openForBuilding("balances", generation, TABLES);
    const first = await catalogue.openScratch("balances", LAYOUT);
    await first.commit(putEntries([entry("a", 1)], 1));
    const other = await openAnother();
    const second = await other.openScratch("balances", { ...LAYOUT, modelVersion: 9 });
    await building.commit(filled);
    await second.commit(putEntries([entry("b", 1), entry("b", 2)], 2));
    await first.commit(putEntries([entry("a", 2), entry("a", 3)], 3));
    const counts = [first, second, building].map((store) => store.count(ENTRIES));
    expect(await Promise.all(counts)).toEqual([3, 2, 60]);
    await first.close();
    await second.commit(putEntries([entry("b", 3)], 4));
    await second.close();
    await building.finish();
    expect(await other.generations("balances")).toEqual([
      { generation, modelVersion: 3, checkpoint: checkpointAt(5) },
    ]);
  });
}

function describeRemoval(use: () => ModelFixture): void {
  test("one that is not there cannot be opened", async () => {
    const { catalogue } = use();
    await expect(catalogue.openForWriting("balances", 1)).rejects.toThrow(GenerationMissing);
    await expect(catalogue.openForReading("balances", 1)).rejects.toThrow(GenerationMissing);
  });

  test("a dropped one is gone, and a new one of its number is empty", async () => {
    const { catalogue, createStore } = use();
    const store = await createStore();
    await store.commit(putEntries([entry("a", 1)]));
    await store.close();
    await catalogue.drop("withdrawals", 1);
    await catalogue.drop("withdrawals", 1);
    expect(await catalogue.generations("withdrawals")).toEqual([]);
    await expect(catalogue.openForReading("withdrawals", 1)).rejects.toThrow(GenerationMissing);
    expect(await catalogue.create("withdrawals", { ...LAYOUT, generation: 1 })).toBe(1);
    const reader = await catalogue.openForReading("withdrawals", 1);
    expect(await reader.snapshot((rows) => rows.count(ENTRIES))).toBe(0);
    await reader.close();
  });

  test("a store of one that was dropped does not say that it is there", async () => {
    const { catalogue, createStore } = use();
    const store = await createStore();
    await store.commit(putEntries([entry("a", 1)]));
    await catalogue.drop("withdrawals", store.generation);
    const asked = await store.checkpoint().catch((error: unknown) => error);
    expect(isEngineError(asked)).toBe(true);
    await store.close();
  });

  test("dropping one leaves the others alone", async () => {
    const { catalogue, createStore } = use();
    const [first, second] = [await createStore(), await createStore()];
    await second.commit(putEntries([entry("a", 1)]));
    await first.close();
    await catalogue.drop("withdrawals", first.generation);
    expect(await second.count(ENTRIES)).toBe(1);
    expect(await catalogue.create("withdrawals", LAYOUT)).toBe(3);
  });
}
