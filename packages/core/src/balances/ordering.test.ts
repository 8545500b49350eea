import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { equals, moneyOf } from "../exact/money.ts";
import type { Entry } from "./entry.ts";
import { clustersOf, compareReports, isCertain, orderCluster } from "./ordering.ts";
import { type Row, runEntry, SECOND_AT, undatedEntry } from "./testing/entries.ts";

const numbers = (entries: readonly Entry[]) => entries.map(({ key }) => Number(key));

const clusters = (entries: readonly Entry[]) =>
  clustersOf([...entries].sort(compareReports)).map(numbers);

/** The order of one cluster, given the balance before it and the reports that may follow. */
function ordered(rows: readonly Row[], before: number | null, nextFirsts: readonly Row[] = []) {
  const sorted = rows.map((row) => runEntry(row)).sort(compareReports);
  const around = {
    before: before === null ? null : moneyOf(String(before)),
    nextFirsts: nextFirsts.map((row) => runEntry(row)),
    same: equals,
  };
  return numbers(orderCluster(sorted, around));
}

describe("it is certain which of two runs came first", () => {
  const first = runEntry([1, 1, 1, 0]);
  test.each<[string, Entry, boolean]>([
    ["both clocks say so", runEntry([2, 1, 2, 0.001]), true],
    ["one instant: nobody knows", runEntry([2, 1, 2, 0]), false],
    ["numbered before, 20 ms later: nobody knows", runEntry([0, 1, 2, 20]), false],
    ["numbered before, 21 ms later: the time says so", runEntry([0, 1, 2, 21]), true],
    [
      "numbered before, an hour later, undated: nobody knows",
      undatedEntry([0, 1, 2, 3.6e6]),
      false,
    ],
    ["undated, and the number says so", undatedEntry([2, 1, 2, 3.6e6]), true],
    [
      "numbered before, but its socket stated it behind",
      runEntry([0, 1, 2, 1], { follows: "1" }),
      true,
    ],
  ])("%s", (_, second, certain) => {
    expect(isCertain(first, second)).toBe(certain);
  });
});

describe("a time in whole seconds leaves open when in that second a run was", () => {
  const whole = runEntry([2, 1, 2, SECOND_AT]);
  test.each<[number, number, boolean]>([
    [1, 1019, false],
    [1, 1021, true],
    [3, 1, true],
  ])("run 2, and run %i %i ms later: certain %p", (run, ms, certain) => {
    expect(isCertain(whole, runEntry([run, 1, 1, SECOND_AT + ms]))).toBe(certain);
  });

  test("they are one cluster, with all that lies between", () => {
    const [between, last] = [runEntry([3, 1, 3, 400]), runEntry([1, 1, 1, 800])];
    expect(clusters([whole, between, last])).toEqual([[2, 3, 1]]);
    expect(clusters([whole, between, runEntry([4, 1, 1, 800])])).toEqual([[2], [3], [4]]);
  });
});

describe("clusters", () => {
  test("end where everything on the left is certainly before everything on the right", () => {
    const runs = [
      runEntry([1, 1, 1, 0]),
      runEntry([3, 1, 3, 5]),
      runEntry([2, 1, 2, 8]),
      runEntry([4, 1, 4, 9]),
      runEntry([6, 1, 6, 40]),
      runEntry([5, 1, 5, 50]),
    ];
    expect(clusters(runs)).toEqual([[1], [3, 2], [4], [6, 5]]);
  });

  test("hold all of one instant, also what states no balance", () => {
    expect(clusters([runEntry([2, 1, null, 0]), runEntry([1, 1, 1, 0])])).toEqual([[1, 2]]);
  });

  test("reach as far as an undated run may belong", () => {
    const runs = [1, 3, 4, 5].map((run) => runEntry([run, 1, run, run * 1000]));
    expect(clusters([...runs, undatedEntry([2, 1, 2, 9000])])).toEqual([[1], [3, 4, 5, 2]]);
  });
});

describe("the order of a cluster", () => {
  test.each<[string, Row[], number | null, Row[], number[]]>([
    [
      "as sorted where that connects",
      [
        [2, 5, 15, 0],
        [1, 5, 20, 1],
      ],
      10,
      [],
      [2, 1],
    ],
    [
      "by the counter where that does",
      [
        [2, 5, 20, 0],
        [1, 5, 15, 1],
      ],
      10,
      [],
      [1, 2],
    ],
    [
      "what follows decides where nothing comes before",
      [
        [2, 5, 20, 0],
        [1, 5, 15, 1],
      ],
      null,
      [[3, 1, 21, 30]],
      [1, 2],
    ],
    [
      "either of two may follow",
      [
        [2, -100, 0, 4],
        [1, 100, 100, 3],
      ],
      0,
      [
        [4, -100, 0, 30],
        [3, 100, 100, 29],
      ],
      [1, 2],
    ],
    // Numbers and times are both wrong: 0 → 3 → 5 → 6.
    [
      "along the balances",
      [
        [7, 2, 5, 0],
        [9, 3, 3, 0],
        [8, 1, 6, 0],
      ],
      0,
      [],
      [9, 7, 8],
    ],
    // The last one would fit between the others, but both clocks say that it came after them.
    [
      "never against what is certain",
      [
        [1, 50, 150, 0],
        [3, 0, 100, 2],
        [2, 5, 205, 3],
      ],
      100,
      [],
      [1, 3, 2],
    ],
    // One lost −1 before the last one explains the same as an error of the counter.
    [
      "not against the counter of one instant, where one loss explains as much",
      [
        [1, 1, 1, 0],
        [2, 1, 2, 0],
        [4, 0, 1, 0],
      ],
      null,
      [],
      [1, 2, 4],
    ],
    [
      "against it where what follows confirms that",
      [
        [1, 1, 1, 0],
        [2, 1, 2, 0],
        [4, 0, 1, 0],
      ],
      null,
      [[5, 3, 5, 30]],
      [1, 4, 2],
    ],
    [
      "as the counter has it where what follows confirms that",
      [
        [1, 1, 1, 0],
        [2, 1, 2, 0],
        [4, 0, 1, 0],
      ],
      null,
      [[5, 3, 4, 30]],
      [1, 2, 4],
    ],
    [
      "by the counter where a time is in whole seconds, though both connect",
      [
        [2, -100, 0, SECOND_AT],
        [1, 100, 100, 600],
      ],
      null,
      [],
      [1, 2],
    ],
    [
      "by the counter also where a loss would be hidden in the whole second",
      [
        [3, -50, 100, SECOND_AT],
        [2, 50, 150, 600],
      ],
      150,
      [],
      [2, 3],
    ],
    [
      "by that time where what follows confirms it",
      [
        [3, -50, 100, SECOND_AT],
        [2, 50, 150, 600],
      ],
      150,
      [[4, 1, 151, 2000]],
      [3, 2],
    ],
    [
      "what states no balance keeps its place",
      [
        [2, 5, 20, 0],
        [4, 1, null, 0.5],
        [1, 5, 15, 1],
      ],
      10,
      [],
      [4, 1, 2],
    ],
  ])("%s", (_, rows, before, nextFirsts, expected) => {
    expect(ordered(rows, before, nextFirsts)).toEqual(expected);
  });

  test("goes through a thousand equal steps there and back", () => {
    const rows = Array.from({ length: 200 }, (_, n): Row => {
      const isUp = n % 2 === 0;
      return [1000 - n, isUp ? 10 : -10, isUp ? 10 : 0, 0];
    });
    const order = ordered(rows, 0, [[1001, 1, 1, 30]]);
    expect(order).toHaveLength(200);
    const balances = order.map((run) => (1000 - run) % 2);
    expect(balances.every((parity, at) => parity === at % 2)).toBe(true);
  });
});

/** Changes that repeatedly have the same sum, and which of the runs is lost. */
const burstsWithALoss = fc
  .array(fc.constantFrom(-1, 0, 1), { minLength: 3, maxLength: 12 })
  .chain((changes) => fc.tuple(fc.constant(changes), fc.nat(changes.length - 2)));

describe("of one instant, numbered in order", () => {
  test("a lost run is never hidden by another last balance", () => {
    fc.assert(
      fc.property(burstsWithALoss, ([changes, lost]) => {
        let balance = 0;
        const rows = changes.map((change, n): Row => {
          balance += change;
          return [1000 + n, change, balance, 0];
        });
        const heard = rows.filter((_, n) => n !== lost);
        const byRun = new Map(heard.map((row) => [row[0], row]));
        let running = 0;
        let breaks = 0;
        for (const run of ordered(heard, 0)) {
          const [, change, after] = byRun.get(run) as readonly [number, number, number, number];
          if (after - change !== running) breaks += 1;
          running = after;
        }
        expect(running === balance || breaks > 0).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
