import { describe, expect, test } from "@jest/globals";
import { ACCOUNT, type Fact, foldAccount, timeAt } from "./testing/fold-account.ts";

type Run = Readonly<{
  run: number;
  change: number;
  balance: number;
  /** The second that it prints; null if it prints none. */
  dated: number | null;
  arrived: number;
  /** The earliest second that the order of its socket allows. */
  notBefore?: number;
}>;

const about = (arrived: number) => ({
  ...{ provider: "zerohash", account: ACCOUNT, received_at: timeAt(arrived), translation: 2 },
});

function reported({ run, change, balance, dated, arrived, notBefore }: Run): Fact[] {
  const printed = dated === null ? {} : { occurred_at: timeAt(dated) };
  const common = { ...about(arrived), run_id: String(run), ...printed };
  const order =
    notBefore === undefined ? {} : { not_before: timeAt(notBefore), follows: String(run - 1) };
  const movement = { movement_id: `m${run}`, movement_type: "transfer", change: String(change) };
  return [
    { type: "MovementRecorded", data: { ...common, ...movement } },
    { type: "BalanceReported", data: { ...common, ...order, balance: String(balance) } },
  ];
}

/** A connection opened at that second of its host's clock, and the balance that its snapshot lists. */
function snapshot(second: number, balance: number): Fact[] {
  const feed = { provider: "zerohash", connection: "c1", multi_chain: true };
  const stated = { ...about(second), balance: String(balance) };
  return [
    { type: "FeedOpened", data: { ...feed, opened_at: timeAt(second) } },
    { type: "BalanceReported", data: { ...stated, place: { connection: "c1", frame: 1 } } },
  ];
}

/** Runs of 1 each, dated a second apart, which arrive at once. */
const runsOfOne = (count: number, first: number, isDated = true): Fact[] =>
  Array.from({ length: count }, (_, at) => {
    const [run, balance, second] = [10 + at, at + 1, first + at];
    return reported({ run, change: 1, balance, dated: isDated ? second : null, arrived: second });
  }).flat();

describe("a snapshot of a connection whose host has another clock than the others", () => {
  const HISTORIES: readonly (readonly [what: string, count: number, facts: readonly Fact[]])[] = [
    ...[5, 16, 400].map((count) => {
      const facts = [...runsOfOne(count, -60), ...snapshot(-180, count)];
      return ["three minutes behind", count, facts] as const;
    }),
    ...[5, 16, 40].map((count) => {
      const facts = [...runsOfOne(count, 3600, false), ...snapshot(60, count)];
      return ["an hour behind those that arrived without a time", count, facts] as const;
    }),
  ];

  test.each(HISTORIES)("%s: certainly includes the %i runs before its opening", async (...all) => {
    const [, count, facts] = all;
    const whole = await foldAccount(facts, 1_000_000);
    expect(whole.account).toMatchObject({ balance: String(count), status: "continuous" });
    expect(whole.entries).toHaveLength(count);
    for (const commitEvery of [1, 7]) expect(await foldAccount(facts, commitEvery)).toEqual(whole);
  });

  test("it does so whatever is reported later", async () => {
    const late = reported({ run: 9, change: 3, balance: 3, dated: -40, arrived: 100 });
    const movement = { movement_id: "fee", movement_type: "fee", change: "-1" };
    const corrected: Fact = {
      type: "MovementRecorded",
      data: { ...about(101), run_id: "12", occurred_at: timeAt(-58), ...movement },
    };
    const facts = [...runsOfOne(16, -60), ...snapshot(-180, 16), ...late, corrected];
    for (const commitEvery of [1, 1_000_000]) {
      const { entries } = await foldAccount(facts, commitEvery);
      expect(entries.filter(({ kind }) => kind === "snapshot")).toEqual([]);
    }
  });
});

describe("a run that may be in a snapshot stands behind one that is certainly later", () => {
  const later: Run = { run: 12, change: 5, balance: 20, dated: 54, arrived: 100 };
  const RUNS: readonly (readonly [what: string, stated: number, run: Run])[] = [
    ["undated", 9, { run: 14, change: -11, balance: 9, dated: null, arrived: 55 }],
    [
      "moved by its socket",
      0,
      { run: 14, change: -20, balance: 0, dated: -68, arrived: 55, notBefore: 55 },
    ],
  ];

  test.each(RUNS)("%s: it confirms nothing, whichever came first", async (_, stated, run) => {
    const orders = [
      [run, later],
      [later, run],
    ];
    for (const commitEvery of [1, 1_000_000]) {
      const [one, other] = await Promise.all(
        orders.map((runs) =>
          foldAccount([...snapshot(3, stated), ...runs.flatMap(reported)], commitEvery),
        ),
      );
      expect(one?.account).toMatchObject({ balance: String(stated), status: "gap_open" });
      expect(other?.account).toMatchObject({ balance: String(stated), status: "gap_open" });
      expect(one?.entries.map(({ id }) => id)).toEqual(other?.entries.map(({ id }) => id));
      expect(one?.entries).toHaveLength(3);
    }
  });

  test("it does again once that one is withdrawn", async () => {
    const run: Run = { run: 14, change: -11, balance: 9, dated: null, arrived: 55 };
    const withdrawn = ["MovementRecorded", "BalanceReported"].map((event_type): Fact => {
      const key = { account: ACCOUNT, run_id: "12" };
      const named = event_type === "BalanceReported" ? key : { ...key, movement_id: "m12" };
      return {
        type: "FactWithdrawn",
        data: { event_id: "e", event_type, key: named, translation: 2 },
      };
    });
    const facts = [...snapshot(3, 9), ...[run, later].flatMap(reported), ...withdrawn];
    for (const commitEvery of [1, 1_000_000]) {
      const { account, entries } = await foldAccount(facts, commitEvery);
      expect(account).toMatchObject({ balance: "9", status: "continuous" });
      expect(entries.map(({ id }) => id)).toEqual(["run:14"]);
    }
  });
});
