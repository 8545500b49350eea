import { TOTAL_CHANGES, TOTAL_SUMS } from "@counterfoil/processing/models/balances/tables";
import { readTotals } from "@counterfoil/processing/queries/totals";
import { describe, expect, test } from "@jest/globals";
import { ACCOUNT, balanceBody, take } from "./messages.ts";
import { ENGINES, openTestLedger, type TestLedger } from "./support.ts";
import { defineTotals } from "./totals-cases.ts";

describe.each(ENGINES)("totals, on %s", (engine) => defineTotals(() => engine, 8));

const AT = 1_746_000_000_000;
const RUNS = 5;

/** Five runs of one unit each. */
async function play(ledger: TestLedger, account: Readonly<Record<string, string>>, from: number) {
  for (let run = from; run < from + RUNS; run += 1) {
    const balance = `${1 + run - from}`;
    const body = balanceBody({ run, change: "1", balance, at: AT + 1000 * run, account });
    await take(ledger, { body });
  }
  await ledger.catchUp();
  return (await ledger.stream.head()).position;
}

describe("an account that is alone in a total", () => {
  test("is the total: no row changes with it until another comes, and all of its past is there", async () => {
    const ledger = await openTestLedger();
    const platform = ACCOUNT.participant_code;
    const totalAt = async (position?: number) => {
      const query = { groupBy: [], filters: {}, platform, position, nextTurn: async () => {} };
      const [found] = await ledger.read("balances", (rows) => readTotals(rows, query));
      return found && [found.total, found.accounts];
    };
    const alone = await play(ledger, {}, 0);
    expect(await ledger.rows("balances", TOTAL_CHANGES)).toEqual([]);
    expect(await ledger.rows("balances", TOTAL_SUMS)).toEqual([]);
    expect(await totalAt()).toEqual(["5", 1]);
    const together = await play(ledger, { account_label: "other", account_id: "other" }, RUNS);
    const changes = await ledger.rows("balances", TOTAL_CHANGES);
    const ids = Map.groupBy(changes, ({ id }) => String(id));
    // The participant's, and that of all. Of a first movement no balance is known before its report.
    expect([...ids.values()].map(({ length }) => length)).toEqual([RUNS + 1, RUNS + 1]);
    expect(await totalAt()).toEqual(["10", 2]);
    expect(await totalAt(together)).toEqual(["10", 2]);
    expect(await totalAt(alone)).toEqual(["5", 1]);
    // A delivery is followed by its run, its movement and its balance.
    expect(await totalAt(alone - 4)).toEqual(["4", 1]);
    expect(await totalAt(alone + 4)).toEqual(["6", 2]);
    expect(await totalAt(1)).toBeUndefined();
    await ledger.close();
  });
});
