import { describe, expect, test } from "@jest/globals";
import { ACCOUNT, type Fact, foldAccount, timeAt } from "./testing/fold-account.ts";

const about = (second: number) => ({
  ...{ provider: "zerohash", account: ACCOUNT, received_at: timeAt(second), translation: 2 },
});

/** A run that took effect at its second. */
const run = (second: number, balance: number | null): Fact => {
  const data = { ...about(1_000_000), run_id: String(second), occurred_at: timeAt(second) };
  return {
    type: "BalanceReported",
    data: balance === null ? data : { ...data, balance: String(balance) },
  };
};

const withdrawal = (second: number): Fact => {
  const key = { account: ACCOUNT, run_id: String(second) };
  const data = { event_id: "e", event_type: "BalanceReported", key, translation: 2 };
  return { type: "FactWithdrawn", data };
};

/** Feeds opened a second apart; each snapshot shows another balance than all before it. */
const snapshots = (first: number, count: number): Fact[] =>
  Array.from({ length: count }, (_, n) => {
    const [second, connection] = [first + n, `c${String(first + n).padStart(9, "0")}`];
    const opened = {
      provider: "zerohash",
      connection,
      multi_chain: true,
      opened_at: timeAt(second),
    };
    const stated = { ...about(second), balance: `${second}.5`, place: { connection, frame: 1 } };
    return [
      { type: "FeedOpened", data: opened },
      { type: "BalanceReported", data: stated },
    ];
  }).flat();

describe("many unconfirmed snapshots after one run", () => {
  const facts = [run(1, 1), ...snapshots(10, 90), run(500, 9), ...snapshots(510, 90)];

  test("give the same entries, whichever of them are loaded", async () => {
    const whole = await foldAccount(facts, 1_000_000);
    expect(whole.entries).toHaveLength(182);
    for (const commitEvery of [1, 7, 150])
      expect(await foldAccount(facts, commitEvery)).toEqual(whole);
  });

  test("are placed in order of arrival, whichever was recorded first", async () => {
    const [before, swapped] = [
      snapshots(10, 80),
      [...snapshots(10, 78), ...snapshots(89, 1), ...snapshots(88, 1)],
    ];
    const placesIn = ({ entries }: Awaited<ReturnType<typeof foldAccount>>) =>
      entries.map(({ id, placed_at, rank, mark, running }) => ({
        id,
        placed_at,
        rank,
        mark,
        running,
      }));
    const [one, other] = [
      await foldAccount([run(1, 1), ...before], 7),
      await foldAccount([run(1, 1), ...swapped], 7),
    ];
    expect(placesIn(other)).toEqual(placesIn(one));
  });

  test.each([9, null])(
    "keep the last run, of balance %s, known, and the one before it after a withdrawal",
    async (balance) => {
      const facts = [run(1, 1), ...snapshots(10, 90), run(500, balance), ...snapshots(510, 90)];
      for (const commitEvery of [1, 7, 1_000_000]) {
        const { account } = await foldAccount(facts, commitEvery);
        expect(account).toMatchObject({ last_run_id: "500", balance: "599.5" });
        const after = await foldAccount([...facts, withdrawal(500)], commitEvery);
        expect(after.account).toMatchObject({ last_run_id: "1", balance: "599.5" });
      }
    },
  );

  test("stay after a late run if they arrived after it", async () => {
    const late = [...facts, run(50, 5), run(550, 7)];
    const whole = await foldAccount(late, 1_000_000);
    for (const commitEvery of [1, 7, 150])
      expect(await foldAccount(late, commitEvery)).toEqual(whole);
    const { entries } = whole;
    expect(entries.findIndex(({ id }) => id === "run:50")).toBe(41);
    expect(entries.findIndex(({ id }) => id === "run:550")).toBe(1 + 90 + 1 + 1 + 40);
  });
});
