import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { equals, formatMoney, type Money, ZERO } from "../exact/money.ts";
import { type Change, comparePlaces, type History } from "./arrangement.ts";
import { balanceAfter, balanceBefore, type Entry, entryId } from "./entry.ts";
import { appendInOrder, newHistory, rearrange } from "./history.ts";
import { clustersOf, compareReports, firstCandidates, orderCluster } from "./ordering.ts";
import { noise, type Row, runEntry, timeAt, undatedEntry } from "./testing/entries.ts";

const ACCOUNT = "zerohash:P:G:general:available:BTC";

type ReportedRun = Readonly<{ row: Row; isUndated: boolean; states: boolean }>;

/** A true history of few balances, so that they often coincide, reported with clocks that err. */
const worlds: fc.Arbitrary<readonly ReportedRun[]> = fc
  .array(
    fc.record({
      change: fc.constantFrom(-10, -5, 0, 5, 10),
      after: fc.constantFrom(0, 1, 5, 15, 40),
      early: fc.constantFrom(0, 0, 0, 3, 12, 30),
      number: fc.constantFrom(0, 0, 0, -1, -3, 40),
      isLost: fc.boolean(),
      isUndated: fc.constantFrom(false, false, false, false, true),
      states: fc.constantFrom(true, true, true, true, false),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((steps) => {
    let [balance, at] = [0, 100];
    return steps.flatMap(({ change, after, early, number, isLost, isUndated, states }, step) => {
      balance += change;
      at += after;
      const row: Row = [100 + step * 2 + number, change, states ? balance : null, at - early];
      return isLost ? [] : [{ row, isUndated, states }];
    });
  })
  .map((reported) => [...new Map(reported.map((one) => [one.row[0], one])).values()]);

const entryOf = ({ row, isUndated }: ReportedRun): Entry =>
  isUndated ? undatedEntry(row) : runEntry(row);

const changeOf = (before: Entry | null, after: Entry | null, nearUndated: boolean): Change => ({
  before,
  after,
  at: (after ?? before)?.effectiveAt ?? 0n,
  nearUndated,
  nearWhole: true,
  position: 1,
});

function put(history: History, before: Entry | null, after: Entry | null, undated: boolean): void {
  const change = changeOf(before, after, undated);
  const done = appendInOrder(history, change) ?? rearrange(history, change);
  expect(done.outcome).toBe("rearranged");
}

const shown = (entries: readonly Entry[]) =>
  entries.map(({ key, running, missing }) => [key, printed(running), printed(missing)]);

const printed = (amount: Money | null) => (amount === null ? null : formatMoney(amount));

/** The rule as specified: all clusters from left to right, then the balances along them. */
function fromScratch(reported: readonly ReportedRun[]) {
  const clusters = clustersOf(reported.map(entryOf).sort(compareReports));
  const order: Entry[] = [];
  let before: Money | null = ZERO;
  clusters.forEach((cluster, at) => {
    const nextFirsts = firstCandidates(clusters[at + 1] ?? []);
    for (const entry of orderCluster(cluster, { before, nextFirsts, same: equals })) {
      order.push(entry);
    }
    before = order.reduce<Money | null>(balanceAfter, null);
  });
  let running: Money | null = null;
  return order.map((entry) => {
    const from = balanceBefore(entry);
    const isMissing = running !== null && from !== null && !from.equals(running);
    const missing = isMissing && running !== null ? from.minus(running) : null;
    running = balanceAfter(running, entry);
    return [entry.key, printed(running), printed(missing)];
  });
}

describe("a history that runs come into one by one", () => {
  test("is the one that all of them make, whatever order they come in", () => {
    fc.assert(
      fc.property(worlds, fc.integer(), (reported, seed) => {
        const undated = reported.some(({ isUndated }) => isUndated);
        const history = newHistory(ACCOUNT);
        const order = [...reported].sort((a, b) => mixed(a, seed) - mixed(b, seed));
        for (const one of order) put(history, null, entryOf(one), undated);
        expect(shown(history.entries)).toEqual(fromScratch(reported));
      }),
      { numRuns: 1_500 },
    );
  });

  test("and go out of again", () => {
    fc.assert(
      fc.property(worlds, worlds, (reported, others) => {
        const undated = [...reported, ...others].some(({ isUndated }) => isUndated);
        const kept = new Set(reported.map(({ row }) => row[0]));
        const gone = others.filter(({ row }) => !kept.has(row[0]));
        const history = newHistory(ACCOUNT);
        for (const one of [...gone, ...reported]) put(history, null, entryOf(one), undated);
        for (const { row } of gone) {
          put(history, history.byId.get(`run:${row[0]}`) ?? null, null, undated);
        }
        expect(shown(history.entries)).toEqual(fromScratch(reported));
      }),
      { numRuns: 500 },
    );
  });
});

/** A pseudo-random order by the seed. */
const mixed = ({ row }: ReportedRun, seed: number): number =>
  Math.sin((row[0] + 1) * (seed | 1)) * 1e6;

describe("a large cluster", () => {
  test("of one instant goes by the provider's counter, in any order of arrival", () => {
    const rows = Array.from({ length: 600 }, (_, n): Row => [1000 + n, 1, n + 1, 0]);
    for (const order of [
      rows,
      rows.toReversed(),
      rows.toSorted((a, b) => Math.sin(a[0]) - Math.sin(b[0])),
    ]) {
      const history = newHistory(ACCOUNT);
      for (const row of order) put(history, null, runEntry(row), false);
      expect(history.entries.map(({ key }) => Number(key))).toEqual(rows.map(([run]) => run));
      expect(history.entries.every(({ missing }) => missing === null)).toBe(true);
    }
  });

  test("of times that err stands in the order of its places, in any order of arrival", () => {
    for (const spread of [3, 8, 15]) {
      const rows = Array.from({ length: 600 }, (_, n): Row => {
        const erred = Math.round(Math.sin(n * 7919) * spread);
        return [1000 + n, 1, n + 1, Math.floor(n / 50) + erred];
      });
      const history = newHistory(ACCOUNT);
      for (const row of rows.toSorted((a, b) => Math.sin(a[0]) - Math.sin(b[0]))) {
        put(history, null, runEntry(row), false);
      }
      const { entries } = history;
      expect(new Set(entries.map(({ key }) => key)).size).toBe(rows.length);
      expect(entries.toSorted(comparePlaces)).toEqual(entries);
    }
  });
});

/** The part of a history between two entries, as if only it were loaded. */
const partOf = ({ entries, ...history }: History, from: number, to: number): History => {
  const part = entries.slice(from, to);
  const byId = new Map(part.map((entry) => [`run:${entry.key}`, entry]));
  return { ...history, entries: part, byId, isStart: from === 0, isEnd: to === entries.length };
};

test("one more run changes the same, or says that it does not reach, whatever is in memory", () => {
  fc.assert(
    fc.property(worlds, fc.nat(), (reported, at) => {
      const dated = reported.filter(({ isUndated }) => !isUndated);
      const [late] = dated.splice(at % (dated.length || 1), 1);
      if (late === undefined) return;
      const before = newHistory(ACCOUNT);
      for (const one of dated) put(before, null, entryOf(one), false);
      const change = changeOf(null, entryOf(late), false);
      const { length } = before.entries;
      const whole = partOf(before, 0, length);
      expect(rearrange(whole, change).outcome).toBe("rearranged");
      for (let cut = 1; cut < length; cut += 1) {
        for (const [from, to] of [
          [cut, length],
          [0, cut],
        ] as const) {
          const part = partOf(before, from, to);
          if (rearrange(part, change).outcome === "out_of_reach") continue;
          const same = whole.entries.slice(from, from + part.entries.length);
          expect([from, to, ...shown(part.entries)]).toEqual([from, to, ...shown(same)]);
        }
      }
    }),
    { numRuns: 1_500 },
  );
});

/** A sequence of pseudo-random numbers below 1. */
function* chances(seed: number): Generator<number> {
  for (let now = seed; ; ) {
    now = (Math.imul(now, 1_664_525) + 1_013_904_223) >>> 0;
    yield now / 2 ** 32;
  }
}

test.each([2, 3])("a dense burst whose times err by 8 ms has no gap, in any order: %d", (seed) => {
  const random = chances(seed);
  const next = () => random.next().value as number;
  let balance = 1000;
  const runs = Array.from({ length: 450 }, (_, n): Row => {
    const change = next() < 0.5 ? 100 : -100;
    balance += change;
    return [10_000 + n, change, balance, 100 + n * 0.35 + next() * 16 - 8];
  });
  for (const inOrder of [true, false]) {
    const keyed = runs.map((run) => ({ run, key: inOrder ? run[0] : next() }));
    const history = newHistory(ACCOUNT);
    for (const { run } of keyed.sort((a, b) => a.key - b.key)) {
      put(history, null, runEntry(run), false);
    }
    expect(history.entries.filter(({ missing }) => missing !== null)).toEqual([]);
    expect(history.entries.map(({ key }) => Number(key))).toEqual(runs.map(([run]) => run));
  }
});

describe("a burst of hundreds that is as confused as can be", () => {
  const WORLDS = Array.from({ length: 12 }, (_, world) => world);
  /** Of so many runs one has no time; in each third world all have one. */
  const undatedOf = (world: number): number => [50, 10, 0][world % 3] ?? 0;

  /** Runs 0.5 ms apart with times that err by 8 ms, some without a time, some late, some amended later. */
  function changesOf(world: number): readonly Entry[] {
    let drawn = 10_000 * world;
    const below = (limit: number) => {
      drawn += 1;
      return noise(drawn) % limit;
    };
    const oneIn = (count: number) => below(count) === 0;
    const runs = Array.from({ length: 400 }, (_, n) => {
      const arrived = 1_000 + n * 0.5;
      const isUndated = undatedOf(world) > 0 && oneIn(undatedOf(world));
      const number = 10_000 + n * 3 + (oneIn(10) ? below(19) - 9 : 0);
      const at = isUndated ? arrived : Math.round(n * 0.5 + below(17) - 8);
      const entry = (isUndated ? undatedEntry : runEntry)([number, 1, n + 1, at]);
      return {
        entry: { ...entry, arrivedAt: timeAt(arrived) },
        place: n + below(oneIn(20) ? 300 : 10),
      };
    });
    const inOrder = runs.sort((a, b) => a.place - b.place).map(({ entry }) => entry);
    const first = new Map(inOrder.map((entry) => [entry.key, entry]));
    return [...first.values()].flatMap((entry) =>
      oneIn(5) ? [entry, { ...entry, contradictions: 1 }] : [entry],
    );
  }

  test.each(WORLDS)("%i: each run stands once, in the order of places", (world) => {
    const history = newHistory(ACCOUNT);
    for (const [at, after] of changesOf(world).entries()) {
      const before = history.byId.get(entryId(after)) ?? null;
      const nearUndated = undatedOf(world) > 0;
      const about = { before, after, at: after.effectiveAt, nearUndated, nearWhole: false };
      const done = rearrange(history, { ...about, position: at + 1 });
      expect(done.outcome).toBe("rearranged");
      const { entries, byId } = history;
      const misplaced = entries.findIndex((entry, place) => {
        const left = entries[place - 1];
        return left !== undefined && comparePlaces(left, entry) >= 0;
      });
      expect([world, at, misplaced, entries.length]).toEqual([world, at, -1, byId.size]);
    }
  });
});
