import { describe, expect, test } from "@jest/globals";
import { equals, type Money, moneyOf } from "../exact/money.ts";
import type { History } from "./arrangement.ts";
import { type Entry, newEntry } from "./entry.ts";
import { appendInOrder, newHistory, rearrange } from "./history.ts";
import { noise, type Row, runEntry, timeAt, undatedEntry } from "./testing/entries.ts";

/**
 * Number of entries that a further one is compared with, with an account's whole history loaded:
 * the same after thousands as after hundreds, in any order of arrival.
 */

/** A history that counts how often one of its entries is read. */
function countingHistory(): Readonly<{ history: History; looks: () => number }> {
  let looks = 0;
  const entries: Entry[] = [];
  const counting = new Proxy(entries, {
    get(target, name) {
      if (name === "splice") return target.splice.bind(target);
      if (typeof name === "string" && /^\d+$/.test(name)) looks += 1;
      return Reflect.get(target, name);
    },
  });
  const history = { ...newHistory("zerohash:P:G:general:available:BTC"), entries: counting };
  return { history, looks: () => looks };
}

const runs = (count: number, timeOf: (n: number) => number): Entry[] =>
  Array.from({ length: count }, (_, n) => runEntry([1000 + n, 1, n + 1, timeOf(n)]));

const inAnyOrder = (entries: readonly Entry[]): Entry[] =>
  entries
    .map((entry, n) => ({ entry, place: noise(n) }))
    .sort((a, b) => a.place - b.place)
    .map(({ entry }) => entry);

const snapshot = (n: number): Entry => ({
  ...newEntry("snapshot", `c${n}:1`),
  balance: moneyOf(String(n)),
  change: moneyOf("0"),
  effectiveAt: timeAt(n * 1000),
  arrivedAt: timeAt(n * 1000),
  openedAt: n + 2,
  recordedAt: n + 2,
});

const SHAPES: Readonly<Record<string, (count: number) => Entry[]>> = {
  "runs a second apart": (count) => runs(count, (n) => n * 1000),
  "runs 1 ms apart": (count) => runs(count, (n) => n),
  "runs 1 ms apart, with times that err": (count) => runs(count, (n) => n + (noise(n) % 18)),
  "runs 5 ms apart, newest first": (count) => runs(count, (n) => n * 5).reverse(),
  "runs of one instant": (count) => runs(count, () => 0),
  "runs of one instant, in any order": (count) => inAnyOrder(runs(count, () => 0)),
  "runs in any order": (count) => inAnyOrder(runs(count, (n) => n * 1000)),
  "runs with a gap between each two": (count) =>
    Array.from({ length: count }, (_, n) => runEntry([1000 + n, 1, 2 * n + 2, n])),
  "runs of which nobody dated one in ten": (count) =>
    Array.from({ length: count }, (_, n) => {
      const row: Row = [1000 + n, 1, n + 1, n * 1000];
      return n % 10 === 0 ? undatedEntry(row) : runEntry(row);
    }),
  "snapshots behind one run": (count) => [
    runEntry([1000, 1, 1, 0]),
    ...Array.from({ length: count - 1 }, (_, n) => snapshot(n + 2)),
  ],
};

/** Adds one more entry to the loaded history. */
function put(history: History, after: Entry, nearUndated = false): void {
  const change = {
    before: null,
    after,
    at: after.effectiveAt,
    nearUndated,
    nearWhole: false,
    position: 1,
  };
  const done = appendInOrder(history, change) ?? rearrange(history, change);
  expect(done.outcome).toBe("rearranged");
}

/** Average number of entry reads per added entry, for each series of `stretch` entries. */
function readsPerEntry(entries: readonly Entry[], stretch: number): readonly number[] {
  const { history, looks } = countingHistory();
  const reads: number[] = [];
  const nearUndated = entries.some(({ isUndated, kind }) => kind === "run" && isUndated);
  let before = 0;
  for (const [at, after] of entries.entries()) {
    put(history, after, nearUndated);
    if ((at + 1) % stretch !== 0) continue;
    reads.push((looks() - before) / stretch);
    before = looks();
  }
  return reads;
}

describe("one more entry is held against as many after thousands", () => {
  test.each(Object.entries(SHAPES))("%s", (_, shape) => {
    const [, few = 0, , , many] = readsPerEntry(shape(2_000), 400);
    expect(many).toBeLessThanOrEqual(1.5 * few);
  });
});

/** A late run that moves all later ones: pairs of one instant that state no balance. */
function looksOfLate(pairs: number): number {
  const { history, looks } = countingHistory();
  put(history, runEntry([1, 1, 1, 0]));
  for (let n = 0; n < 2 * pairs; n += 1) {
    put(history, runEntry([1000 + n, 1, null, 1000 + Math.floor(n / 2) * 50]));
  }
  const before = looks();
  put(history, runEntry([2, 5, 6, 500]));
  expect(history.entries.at(-1)?.running).toEqual(moneyOf(String(6 + 2 * pairs)));
  return looks() - before;
}

test("a late run costs what it moves: each cluster behind it is ordered once", () => {
  expect(looksOfLate(1_000)).toBeLessThanOrEqual(4.5 * looksOfLate(250));
});

/** Runs with every other one lost, in any order, at a given number per millisecond. */
const lossyBurst = (count: number, perMs: number): Entry[] =>
  inAnyOrder(
    Array.from({ length: count }, (_, n) => {
      const change = (noise(n) % 2_000) - 900;
      return runEntry([1000 + 2 * n, change, 1_000 * n + change, Math.floor(n / perMs)]);
    }),
  );

/** How often two balances are compared for one more run of a burst. */
function comparisonsPerRun(entries: readonly Entry[]): number {
  let compared = 0;
  const same = (a: Money, b: Money) => {
    compared += 1;
    return equals(a, b);
  };
  const history = { ...newHistory("zerohash:P:G:general:available:BTC"), same };
  for (const after of entries) put(history, after);
  return compared / entries.length;
}

describe("one more run of a dense burst with losses", () => {
  test.each([1, 5, 25])("of %d runs a ms touches its cluster and the one before", (perMs) => {
    expect(comparisonsPerRun(lossyBurst(1_000, perMs))).toBeLessThanOrEqual(4 + 8 * perMs);
  });
});
