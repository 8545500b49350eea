import { expect, test } from "@jest/globals";
import { ACCOUNT_STARTS, BALANCE_CHANGES } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import { listBalances } from "./balances.ts";
import { rowsOf } from "./testing/rows-of.ts";

const ACCOUNTS = ["P1", "P2", "P3"].map((code) => `zerohash:${code}:G:L:available:BTC`);

/** A page of three accounts at a position, over rows that count the selections of changes. */
async function readCounted(fails: (account: unknown) => boolean = () => false) {
  const rows = await rowsOf(
    [
      ACCOUNT_STARTS,
      ACCOUNTS.map((account) => ({ account, provider: "zerohash", first_position: 1 })),
    ],
    [
      BALANCE_CHANGES,
      ACCOUNTS.map((account) => ({
        account,
        position: 1,
        account_ids: "[]",
        status: "continuous",
      })),
    ],
  );
  const counts = { pending: 0, most: 0 };
  const select: Rows["select"] = async (table, selection) => {
    if (table !== BALANCE_CHANGES) return rows.select(table, selection);
    counts.pending += 1;
    counts.most = Math.max(counts.most, counts.pending);
    const isFailing = fails(selection.where?.[0]?.value);
    if (!isFailing) await new Promise(setImmediate);
    counts.pending -= 1;
    if (isFailing) throw new Error("the engine is gone");
    return rows.select(table, selection);
  };
  const page = { limit: 9, beyond: null };
  const query = { filters: {}, page, platform: null, nextTurn: async () => {} };
  const listing = listBalances({ ...rows, select }, { ...query, moment: { at_position: 5 } });
  return { listing, counts };
}

test("a page selects the changes of all its accounts together", async () => {
  const { listing, counts } = await readCounted();
  expect((await listing).data.map(({ id }) => id)).toEqual(ACCOUNTS);
  expect(counts.most).toBe(ACCOUNTS.length);
});

test("a page that fails does so after its last selection has ended", async () => {
  const { listing, counts } = await readCounted((account) => account === ACCOUNTS[0]);
  await expect(listing).rejects.toThrow("the engine is gone");
  expect(counts.pending).toBe(0);
});
