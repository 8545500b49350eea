import { formatTime } from "@counterfoil/core/exact/time";
import { expect, test } from "@jest/globals";
import { ENTRIES } from "../models/balances/tables.ts";
import type { Row, Rows } from "../ports/model-store.ts";
import { balanceAsOf, balanceRecord } from "./balances.ts";
import { rowsOf } from "./testing/rows-of.ts";

const ACCOUNT = "zerohash:P:G:L:available:BTC";
const RUNS = 2600;

/** Every second run revealed a gap. */
const runs = Array.from(
  { length: RUNS },
  (_, at): Row => ({
    ...{
      account: ACCOUNT,
      id: `run:${at}`,
      kind: "run",
      running: "1",
      missing: at % 2 ? "1" : null,
    },
    ...{ placed_at: BigInt(at), effective_at: BigInt(at), rank: 0, mark: "", position: at },
  }),
);

const accountWith = (openGaps: number) =>
  balanceRecord({ id: ACCOUNT, open_gaps: openGaps, account_ids: "[]" });

test.each([
  [RUNS, RUNS / 2, 1300],
  [2101, 1051, 1051],
  [500, 250, 250],
])("at %i, %i gaps are open, counted by pages", async (time, gaps, most) => {
  const rows = await rowsOf([ENTRIES, runs]);
  const read: number[] = [];
  const counted: Rows = {
    ...rows,
    select: async (table, selection) => {
      const found = await rows.select(table, selection);
      if (selection.where?.some(({ column }) => column === "missing")) read.push(found.length);
      return found;
    },
  };
  const account = accountWith(RUNS / 2);
  const balance = await balanceAsOf(counted, account, BigInt(time));
  expect(balance).toMatchObject({ open_gaps: gaps, status: "gap_open" });
  expect(Math.max(...read)).toBeLessThanOrEqual(1000);
  expect(read.reduce((sum, count) => sum + count, 0)).toBe(most);
});

test.each([
  ["a time after the last entry", RUNS, 1],
  ["a time before it", RUNS - 2, 2],
])("a balance as of %s is read by few queries", async (_, time, queries) => {
  const rows = await rowsOf([ENTRIES, runs]);
  let count = 0;
  const select: Rows["select"] = (...asked) => {
    count += 1;
    return rows.select(...asked);
  };
  const last = { last_run_id: `${RUNS - 1}`, updated_at: formatTime(BigInt(RUNS - 1)) };
  await balanceAsOf({ ...rows, select }, { ...accountWith(0), ...last }, BigInt(time));
  expect(count).toBe(queries);
});

test("an account without open gaps is not searched for them", async () => {
  const rows = await rowsOf([ENTRIES, runs.slice(0, 1)]);
  const account = accountWith(0);
  expect(await balanceAsOf(rows, account, 5n)).toMatchObject({ status: "continuous" });
});

test.each([
  ["its last run", RUNS - 1, "unlisted"],
  ["a time after it", RUNS + 5, "unlisted"],
  ["a time before it", RUNS - 2, "continuous"],
])("an account that is missing from a snapshot, as of %s", async (_, time, status) => {
  const rows = await rowsOf([ENTRIES, runs]);
  const last = { last_run_id: `${RUNS - 1}`, updated_at: formatTime(BigInt(RUNS - 1)) };
  const account = { ...accountWith(0), ...last, status: "unlisted" } as const;
  expect(await balanceAsOf(rows, account, BigInt(time))).toMatchObject({ status });
});
