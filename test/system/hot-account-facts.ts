import { formatTime } from "@counterfoil/core/exact/time";
import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import { BALANCE_CHANGES } from "@counterfoil/processing/models/balances/tables";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import type { HotFact, HotKeys } from "./hot-work.ts";

const ACCOUNT = "zerohash:DEF456:ABC123:general:available:BTC";
const START = 1_790_000_000_000_000_000n;

const timeAt = (ms: number): string => formatTime(START + BigInt(Math.round(ms * 1000)) * 1000n);
const ARRIVAL = timeAt(86_400_000);

const movementOf = (run: number, change: number, ms: number, movement = `m${run}`): HotFact => ({
  type: "MovementRecorded",
  data: {
    provider: "zerohash",
    account: ACCOUNT,
    movement_id: movement,
    movement_type: "transfer",
    change: String(change),
    run_id: String(run),
    occurred_at: timeAt(ms),
    received_at: ARRIVAL,
    translation: 2,
  },
});

const reportOf = (run: number, balance: number): HotFact => ({
  type: "BalanceReported",
  data: {
    provider: "zerohash",
    account: ACCOUNT,
    run_id: String(run),
    balance: String(balance),
    received_at: ARRIVAL,
    translation: 2,
  },
});

/** One run: its movement, and the balance after it. */
const runOf = (run: number, change: number, balance: number, ms: number): HotFact[] => [
  movementOf(run, change, ms),
  reportOf(run, balance),
];

const up = (count: number, at: (n: number) => number): HotFact[][] =>
  Array.from({ length: count }, (_, n) => runOf(1000 + n, 1, n + 1, at(n)));

const jittered = (count: number, stepMs: number): HotFact[][] => {
  const random = createRandom(count, "jitter");
  return up(count, (n) => n * stepMs + random.below(18));
};

/** A feed that is opened again and again, and whose snapshot lists the account as it stands. */
const quiet = (count: number): HotFact[][] => [
  runOf(1, 5, 5, 0),
  ...Array.from({ length: count }, (_, n) => {
    const connection = `c${n}`;
    const about = { provider: "zerohash", connection };
    const at = timeAt(60_000 * (n + 1));
    return [
      { type: "FeedOpened", data: { ...about, multi_chain: true, opened_at: at } },
      {
        type: "BalanceReported",
        data: {
          provider: "zerohash",
          account: ACCOUNT,
          balance: "5",
          place: { connection, frame: 1 },
          received_at: at,
          translation: 2,
        },
      },
      { type: "SnapshotCompleted", data: { ...about, frames: 1 } },
    ];
  }),
];

/** An account of so many runs, of which some are withdrawn here and there. */
const withdrawn = (count: number): HotFact[][] => [
  ...up(count, (n) => n * 1000),
  ...Array.from({ length: 20 }, (_, n) => {
    const run = String(1000 + Math.floor((count / 20) * n));
    const key = { account: ACCOUNT, run_id: run };
    const about = { event_id: `e${run}`, event_type: "BalanceReported", key, translation: 2 };
    return [{ type: "FactWithdrawn", data: about }];
  }),
];

const SHAPES: Readonly<Record<string, (count: number) => HotFact[][]>> = {
  "a second apart": (count) => up(count, (n) => n * 1000),
  "5 ms apart": (count) => up(count, (n) => n * 5),
  "5 ms apart, with times that err": (count) => jittered(count, 5),
  "1 ms apart, with times that err": (count) => jittered(count, 1),
  "of one instant": (count) => up(count, () => 0),
  "of one instant, in any order": (count) =>
    shuffled(
      up(count, () => 0),
      createRandom(count, "instant"),
    ),
  "newest first": (count) => up(count, (n) => n * 5).reverse(),
  "newest first, with times that err": (count) => jittered(count, 5).reverse(),
  "in any order": (count) =>
    shuffled(
      up(count, (n) => n * 1000),
      createRandom(count, "any"),
    ),
  "with a gap between each two": (count) =>
    Array.from({ length: count }, (_, n) => runOf(1000 + n, 1, 2 * n + 2, n)),
  "of which nobody dated one in ten": (count) =>
    up(count, (n) => n * 1000).map((facts, n) =>
      n % 10 === 0
        ? facts.map(({ type, data }) => ({ type, data: { ...data, occurred_at: undefined } }))
        : facts,
    ),
  "that are all one, with that many movements": (count) => [
    Array.from({ length: count }, (_, n) => movementOf(7, 1, n % 10, `m${n}`)),
    [reportOf(7, count)],
  ],
  "and that many snapshots of a quiet account": quiet,
  "of which twenty are withdrawn": withdrawn,
};

/** So many runs of one account, by what is hard in them. */
export const HOT_ACCOUNTS: HotKeys = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => {
    const facts = (count: number) => shape(count).flat();
    return [name, { projection: balancesProjection, changesOf: BALANCE_CHANGES, facts }];
  }),
);
