import { ENTRIES, ENTRIES_PAST } from "@counterfoil/processing/models/balances/tables";
import { findRun } from "@counterfoil/processing/queries/runs";
import { expect, test } from "@jest/globals";
import { balanceBody, take } from "./messages.ts";
import { openTestLedger, type TestLedger } from "./support.ts";

/* A run between its movements and its report: its own row says how it stood. */

const AT = 1_746_000_000_000;

const report = (ledger: TestLedger, run: number, balance: string, change = "1") =>
  take(ledger, { body: balanceBody({ run, change, balance, at: AT + 1000 * run }) });

async function runAt(ledger: TestLedger, run: string, at_position: number) {
  await ledger.catchUp();
  const query = { platform: null, moment: { at_position }, nextTurn: async () => {} };
  const found = await ledger.read("balances", (rows) => findRun(rows, run, query));
  if (found.outcome !== "found") return undefined;
  return found.record.accounts.map(({ change, balance, position }) => [change, balance, position]);
}

test("a run that was reported as its movements led to has no row of the past", async () => {
  const ledger = await openTestLedger();
  for (const run of [1, 2, 4]) await report(ledger, run, `${Math.min(run, 3)}`);
  const { position: reported } = await ledger.stream.head();
  const moved = reported - 1;
  const unreported = [["1", null, String(moved)]];
  expect(await runAt(ledger, "4", moved - 1)).toBeUndefined();
  expect(await runAt(ledger, "4", moved)).toEqual(unreported);
  expect(await runAt(ledger, "4", reported)).toEqual([["1", "3", String(reported)]]);
  // Of the first movement nobody knew what was there before.
  const past = await ledger.rows("balances", ENTRIES_PAST);
  expect(past.map(({ id }) => id)).toEqual(["run:1"]);
  // A late run changes it once more: from then on its past has rows.
  await report(ledger, 3, "4", "2");
  expect(await runAt(ledger, "4", moved)).toEqual(unreported);
  expect(await runAt(ledger, "4", reported)).toEqual([["1", "3", String(reported)]]);
  const rows = await ledger.rows("balances", ENTRIES);
  expect(rows.find(({ id }) => id === "run:4")?.unreported_since).toBeNull();
  const then = (await ledger.rows("balances", ENTRIES_PAST)).filter(({ id }) => id === "run:4");
  expect(then.map(({ position, until }) => [position, until]).slice(0, 2)).toEqual([
    [moved, reported],
    [reported, reported + 3],
  ]);
  await ledger.close();
});
