import { expect, test } from "@jest/globals";
import { ACCOUNT, foldAccount, timeAt } from "./testing/fold-account.ts";

/* A run without a time is ordered among 256 neighbours, whatever arrived before it or after it. */

type Run = Readonly<{ id: number; balance: number; change: number; at?: number; arrives: number }>;

function factsOf({ id, balance, change, at, arrives }: Run) {
  const run_id = String(id).padStart(6, "0");
  const time = at === undefined ? {} : { occurred_at: timeAt(at) };
  const base = { provider: "zerohash", account: ACCOUNT, run_id, translation: 2 };
  const stated = { ...base, ...time, received_at: timeAt(arrives) };
  const movement = { movement_id: `m${run_id}`, movement_type: "deposit", change: `${change}` };
  return [
    { type: "MovementRecorded", data: { ...stated, ...movement } },
    { type: "BalanceReported", data: { ...stated, balance: `${balance}` } },
  ];
}

const BEFORE = 300;
const before = Array.from({ length: BEFORE }, (_, at) => ({
  ...{ id: at + 1, balance: at + 1, change: 1 },
  ...{ at: at + 1, arrives: 2_000_000 },
}));
const undated = { id: 9000, balance: BEFORE + 12, change: 7, arrives: 1_000_000 };
/** The counter says that it came before the undated run, and so do the balances. */
const dated = { id: 8000, balance: BEFORE + 5, change: 5, at: 1_000_010, arrives: 2_000_001 };

test.each([
  ["the older runs, the undated one", [...before, undated, dated]],
  ["the undated run, the older ones", [undated, ...before, dated]],
  ["the undated run, the newest one", [undated, dated, ...before]],
])("%s first: one order and one balance", async (_, runs) => {
  for (const eventsPerCommit of [10_000, 7]) {
    const { account, entries } = await foldAccount(runs.flatMap(factsOf), eventsPerCommit);
    expect(account).toMatchObject({ balance: "312", status: "continuous", open_gaps: 0 });
    expect(entries.slice(-2).map(({ id }) => id)).toEqual(["run:008000", "run:009000"]);
  }
});
