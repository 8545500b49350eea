import { describe, expect, test } from "@jest/globals";
import { ANOMALIES } from "../columns.ts";
import { newAccount } from "./account.ts";
import { changesIds, countIds } from "./account-effects.ts";
import { ACCOUNT_IDS, ACCOUNT_IDS_PAST, ACCOUNTS } from "./tables.ts";
import { ACCOUNT, type Fact, foldFacts, timeAt } from "./testing/fold-account.ts";

test.each(["6c12b928", "constructor", "__proto__", "7"])(
  "the provider's id %s is counted",
  (id) => {
    const account = newAccount(ACCOUNT);
    const given = new Map([[id, 1]]);
    expect(changesIds(account, given)).toBe(true);
    countIds(account, given);
    expect(changesIds(account, given)).toBe(false);
    countIds(account, given);
    expect([...account.idFacts]).toEqual([[id, 2]]);
    expect(changesIds(account, new Map([[id, -2]]))).toBe(true);
  },
);

type Named = Readonly<{ account: string; account_id: string; run: number }>;

const report = ({ account, account_id, run }: Named): Fact => {
  const about = { provider: "zerohash", account, account_id, run_id: String(run), balance: "1" };
  const at = timeAt(run);
  return {
    type: "BalanceReported",
    data: { ...about, occurred_at: at, received_at: at, translation: 1 },
  };
};

const withdrawal = ({ account, run }: Named): Fact => ({
  type: "FactWithdrawn",
  data: {
    ...{ event_id: `r${run}`, event_type: "BalanceReported", translation: 1 },
    key: { account, run_id: String(run) },
  },
});

/** Another run of the same account with the same id. */
const againOf = (named: Named): Fact => report({ ...named, run: named.run + 100 });

type RowsOf = Awaited<ReturnType<typeof foldFacts>>;

/** The ids with their accounts, now or as of a position. */
async function idsIn(rowsOf: RowsOf, position = Number.POSITIVE_INFINITY) {
  const past = (await rowsOf(ACCOUNT_IDS_PAST)).filter(({ until }) => Number(until) > position);
  const known = [...(await rowsOf(ACCOUNT_IDS)), ...past];
  return known
    .filter(({ since }) => Number(since) <= position)
    .map(({ account_id, account }) => `${account_id} ${account}`)
    .sort();
}

const ORDERS = [
  ["as they are", (all: readonly Named[]) => all],
  ["newest first", (all: readonly Named[]) => all.toReversed()],
  ["every third", (all: readonly Named[]) => all.toSorted((a, b) => (a.run % 3) - (b.run % 3))],
] as const;

const two = (n: number): string => String(n).padStart(2, "0");

describe.each(ORDERS)("facts %s", (_, inOrder) => {
  const some = (count: number, of: (n: number) => Omit<Named, "run">): readonly Named[] =>
    inOrder(Array.from({ length: count }, (_, n) => ({ ...of(n), run: 100 + n })));

  test("of many ids of one account, the first are shown, and all are found", async () => {
    const facts = some(40, (n) => ({ account: ACCOUNT, account_id: `a${two(n)}` }));
    const rowsOf = await foldFacts(facts.map(report), 7);
    const first = Array.from({ length: 32 }, (_, n) => `a${two(n)}`);
    const [account] = await rowsOf(ACCOUNTS);
    expect(JSON.parse(String(account?.account_ids))).toEqual(first);
    const [conflict, ...others] = await rowsOf(ANOMALIES);
    expect(JSON.parse(String(conflict?.detail))).toEqual({ account_ids: first });
    expect(others).toEqual([]);
    expect(await rowsOf(ACCOUNT_IDS)).toHaveLength(40);
  });

  test("of many accounts with one id, each shows those beside it", async () => {
    const name = (n: number) => `zerohash:P${two(n)}:ABC123:general:available:BTC`;
    const facts = some(20, (n) => ({ account: name(n), account_id: "a" }));
    const rowsOf = await foldFacts(facts.map(report), 7);
    const details = (await rowsOf(ANOMALIES)).map(({ detail }) => JSON.parse(String(detail)));
    const beside = (n: number) =>
      Array.from({ length: 20 }, (_, at) => at).slice(Math.max(0, n - 5), n + 6);
    expect(details).toEqual(
      Array.from({ length: 20 }, (_, n) => ({ account_id: "a", accounts: beside(n).map(name) })),
    );
  });

  test("that are withdrawn again leave what was there before", async () => {
    const name = (n: number) => `zerohash:P${two(n)}:ABC123:general:available:BTC`;
    const facts = some(12, (n) => ({ account: name(n), account_id: "a" }));
    const goes = facts.filter(({ run }) => run % 2 === 1);
    const stays = facts.filter(({ run }) => run % 2 === 0);
    const withdrawn = await foldFacts([...facts.map(report), ...goes.map(withdrawal)], 5);
    const without = await foldFacts(stays.map(report), 5);
    const open = async (rowsOf: typeof without) =>
      (await rowsOf(ANOMALIES))
        .filter(({ closed_position }) => closed_position === null)
        .map(({ id, detail }) => [id, detail]);
    expect(await open(withdrawn)).toEqual(await open(without));
    expect(await idsIn(withdrawn)).toEqual(await idsIn(without));
  });

  test("that are withdrawn and stated again leave what was there at each position", async () => {
    const name = (n: number) => `zerohash:P${two(n % 3)}:ABC123:general:available:BTC`;
    const stated = some(12, (n) => ({ account: name(n), account_id: n % 2 === 0 ? "a" : "b" }));
    const withdrawn = stated.filter(({ run }) => run % 4 < 3).map(withdrawal);
    const facts = [...stated.map(report), ...withdrawn, ...stated.map(againOf)];
    const whole = await foldFacts(facts, 5);
    for (const position of facts.keys()) {
      const then = await foldFacts(facts.slice(0, position), 5);
      expect([position, await idsIn(whole, position)]).toEqual([position, await idsIn(then)]);
    }
  });
});
