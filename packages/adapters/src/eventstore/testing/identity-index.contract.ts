import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { IdentityIndex, IndexCheckpoint, IndexEntry } from "../identity-index.ts";
import { createMemoryIdentityIndex, EMPTY_CHECKPOINT } from "./memory-identity-index.ts";

/** One empty index of the engine under examination. */
type IndexHarness = Readonly<{
  /** Opens another instance on the same index, like another process. */
  open(): Promise<IdentityIndex>;
  dispose(): Promise<void>;
}>;

/** The contract of every engine's identity index, see identity-index.ts. */
export function describeIdentityIndexContract(
  name: string,
  makeHarness: () => Promise<IndexHarness>,
): void {
  describe(`identity index: ${name}`, () => {
    let harness: IndexHarness;
    let index: IdentityIndex;
    beforeEach(async () => {
      harness = await makeHarness();
      index = await harness.open();
    });
    afterEach(() => harness.dispose());
    const use = () => ({ harness, index });

    describeAdvancing(use);
    describeFinding(use);
    describeIndexedTypes(use);
    describeAgreement(use);
  });
}

type Use = () => Readonly<{ harness: IndexHarness; index: IdentityIndex }>;

const idAt = (number: number) => `00000000-0000-5000-8000-${String(number).padStart(12, "0")}`;
const checkpointAt = (position: number): IndexCheckpoint =>
  position === 0 ? EMPTY_CHECKPOINT : { position, hash: position.toString(16).padStart(64, "0") };
const entry = (position: number, overrides: Partial<IndexEntry> = {}): IndexEntry => ({
  position,
  id: idAt(position),
  amends: null,
  indexedType: null,
  ...overrides,
});
const entries = (first: number, last: number): IndexEntry[] =>
  Array.from({ length: last - first + 1 }, (_, at) => entry(first + at));

/** Brings an index from one position to that of the last entry. */
async function add(index: IdentityIndex, added: readonly IndexEntry[]): Promise<void> {
  const [first, last] = [added.at(0), added.at(-1)];
  if (first === undefined || last === undefined) return;
  const from = checkpointAt(first.position - 1);
  expect(await index.advance(from, checkpointAt(last.position), added)).toBe(true);
}

function describeAdvancing(use: Use): void {
  test("an empty index is at position 0", async () => {
    const { index } = use();
    expect(await index.checkpoint()).toEqual(EMPTY_CHECKPOINT);
    expect((await index.find([idAt(1)], 100)).size).toBe(0);
  });

  test("another instance sees what was added", async () => {
    const { harness, index } = use();
    await add(index, entries(1, 3));
    const another = await harness.open();
    expect(await another.checkpoint()).toEqual(checkpointAt(3));
    expect((await another.find([idAt(2)], 3)).get(idAt(2))?.position).toBe(2);
  });

  const STALE: readonly [string, IndexCheckpoint][] = [
    ["an earlier position", checkpointAt(1)],
    ["a later position", checkpointAt(9)],
    ["another hash", { position: 3, hash: "f".repeat(64) }],
    ["nothing", EMPTY_CHECKPOINT],
  ];
  test.each(STALE)("from %s nothing is added", async (_, from) => {
    const { index } = use();
    await add(index, entries(1, 3));
    expect(await index.advance(from, checkpointAt(4), [entry(4)])).toBe(false);
    expect(await index.checkpoint()).toEqual(checkpointAt(3));
    expect((await index.find([idAt(4)], 9)).size).toBe(0);
  });

  test("of several that catch it up at once one wins each step", async () => {
    const { harness } = use();
    const indexes = await Promise.all([harness.open(), harness.open(), harness.open()]);
    for (let position = 0; position < 60; position += 5) {
      const added = entries(position + 1, position + 5);
      const step = [checkpointAt(position), checkpointAt(position + 5)] as const;
      const wins = await Promise.all(indexes.map((each) => each.advance(...step, added)));
      expect(wins.filter((won) => won)).toHaveLength(1);
    }
    expect(
      (
        await indexes[0]?.find(
          entries(1, 99).map(({ id }) => id),
          99,
        )
      )?.size,
    ).toBe(60);
  });

  test("cleared, it starts again", async () => {
    const { index } = use();
    await add(index, [entry(1, { indexedType: "FundReported", amends: idAt(1) })]);
    await index.clear();
    expect(await index.checkpoint()).toEqual(EMPTY_CHECKPOINT);
    expect((await index.find([idAt(1)], 9)).size).toBe(0);
    const query = { types: ["FundReported"], after: 0, upTo: 9, limit: 9, order: "asc" } as const;
    expect(await index.positionsOfTypes(query)).toEqual([]);
    await add(index, entries(1, 2));
    expect((await index.find([idAt(1)], 9)).get(idAt(1))).toEqual({ position: 1, amendments: [] });
  });

  test("5000 entries in one step", async () => {
    const { index } = use();
    await add(index, entries(1, 5000));
    const ids = entries(2, 6000).map(({ id }) => id);
    expect((await index.find(ids, 6000)).size).toBe(4999);
  });
}

function describeFinding(use: Use): void {
  test("an id with what later events said of it, in order", async () => {
    const { index } = use();
    await add(index, entries(1, 2));
    await add(index, [
      entry(3, { amends: idAt(1) }),
      entry(4, { amends: idAt(2) }),
      entry(5, { amends: idAt(1) }),
    ]);
    await add(index, [entry(6, { amends: idAt(1) })]);
    const found = await index.find([idAt(1), idAt(2), idAt(1), idAt(99)], 6);
    expect([...found.keys()].sort()).toEqual([idAt(1), idAt(2)]);
    expect(found.get(idAt(1))).toEqual({ position: 1, amendments: [3, 5, 6] });
    expect(found.get(idAt(2))).toEqual({ position: 2, amendments: [4] });
  });

  test("nothing beyond the position that is asked for", async () => {
    const { index } = use();
    await add(index, [entry(1), entry(2, { amends: idAt(1) }), entry(3, { amends: idAt(1) })]);
    const found = await index.find([idAt(1), idAt(3)], 2);
    expect([...found]).toEqual([[idAt(1), { position: 1, amendments: [2] }]]);
  });

  test("no ids, no answer", async () => {
    expect((await use().index.find([], 9)).size).toBe(0);
  });

  test("of an id that is on the stream twice the first counts", async () => {
    const { index } = use();
    await add(index, [entry(1), entry(2, { id: idAt(1) })]);
    await add(index, [entry(3, { id: idAt(1) })]);
    expect((await index.find([idAt(1)], 9)).get(idAt(1))?.position).toBe(1);
    expect(await index.checkpoint()).toEqual(checkpointAt(3));
  });

  test("an amendment of what is not on the stream names nothing", async () => {
    const { index } = use();
    await add(index, [entry(1, { amends: idAt(77) })]);
    expect((await index.find([idAt(77)], 9)).size).toBe(0);
  });
}

function describeIndexedTypes(use: Use): void {
  test.each([
    { types: ["A"], after: 0, upTo: 9, limit: 9, expected: [1, 4, 7] },
    { types: ["B", "A", "A"], after: 0, upTo: 9, limit: 9, expected: [1, 2, 4, 5, 7, 8] },
    { types: ["A", "B"], after: 1, upTo: 7, limit: 3, expected: [2, 4, 5] },
    { types: ["A", "B"], after: 1, upTo: 7, limit: 3, order: "desc", expected: [7, 5, 4] },
    { types: ["A"], after: 4, upTo: 6, limit: 9, expected: [] },
    { types: ["C", "'; --"], after: 0, upTo: 9, limit: 9, expected: [] },
    { types: [], after: 0, upTo: 9, limit: 9, expected: [] },
  ] as const)("positions of $types after $after", async ({ expected, ...asked }) => {
    const { index } = use();
    const typed = entries(1, 9).map((each, at) => ({
      ...each,
      indexedType: ["A", "B", null][at % 3] ?? null,
    }));
    await add(index, typed);
    expect(await index.positionsOfTypes({ order: "asc", ...asked })).toEqual(expected);
  });
}

function describeAgreement(use: Use): void {
  test("it answers as the one in memory does", async () => {
    const { index } = use();
    const id = fc.integer({ min: 1, max: 12 }).map(idAt);
    const made = fc.record({
      id,
      amends: fc.option(id, { freq: 2 }),
      indexedType: fc.option(fc.constantFrom("A", "B"), { freq: 2 }),
    });
    const steps = fc.array(fc.array(made, { minLength: 1, maxLength: 6 }), { maxLength: 5 });
    const property = fc.asyncProperty(steps, fc.nat(30), async (batches, upTo) => {
      await index.clear();
      const model = createMemoryIdentityIndex();
      let position = 0;
      for (const batch of batches) {
        const added = batch.map((each, at) => ({ ...each, position: position + at + 1 }));
        for (const each of [index, model]) await add(each, added);
        position += batch.length;
      }
      const ids = Array.from({ length: 13 }, (_, at) => idAt(at));
      expect(new Map(await index.find(ids, upTo))).toEqual(await model.find(ids, upTo));
      for (const order of ["asc", "desc"] as const) {
        const query = { types: ["A", "B"], after: upTo >> 1, upTo, limit: 4, order };
        expect(await index.positionsOfTypes(query)).toEqual(await model.positionsOfTypes(query));
      }
    });
    await fc.assert(property, { numRuns: 40 });
  });
}
