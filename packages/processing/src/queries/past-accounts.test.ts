import { createRandom } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import { ACCOUNT_STARTS } from "../models/balances/tables.ts";
import type { Row, Rows } from "../ports/model-store.ts";
import { checkStartsKnown, type Moment, pastAccounts } from "./moment.ts";
import { ModelNotServed } from "./serving.ts";
import { rowsOf } from "./testing/rows-of.ts";

const ACCOUNTS = 3000;
const random = createRandom(7, "starts");

/** Their ids and their starts are in no order of each other; one in ten never had an entry. */
const starts = Array.from({ length: ACCOUNTS }, (_, at): Row => {
  const first = 1 + random.below(10 * ACCOUNTS);
  return {
    account: `a${String(at).padStart(6, "0")}`,
    provider: at % 7 === 0 ? "layer1" : "zerohash",
    account_group: `g${at % 3}`,
    first_position: first,
    first_at: at % 10 === 0 ? null : BigInt(1 + random.below(10 * ACCOUNTS)),
  };
});

const begun = ({ as_of, at_position }: Moment, { first_at = null, first_position }: Row) =>
  (as_of === undefined || (typeof first_at === "bigint" && first_at <= as_of)) &&
  (at_position === undefined || Number(first_position) <= at_position);

async function readAll(rows: Rows, moment: Moment, groups: readonly string[]) {
  const either =
    groups.length === 0
      ? [[]]
      : groups.map((value) => [{ column: "account_group", is: "=", value } as const]);
  const read = await pastAccounts(rows, { where: [], either, moment });
  const found: string[] = [];
  for (let beyond: readonly string[] | null = null; ; ) {
    const page = await read(beyond, 70);
    found.push(...page);
    if (page.length < 70) return found;
    beyond = page.slice(-1);
  }
}

describe("accounts of a past moment", () => {
  test.each<[string, Moment]>([
    ["when none had begun", { as_of: 0n }],
    ["when few had", { as_of: 3000n }],
    ["at a position where few had", { at_position: 3000 }],
    ["when most had", { as_of: 25_000n }],
    ["at a position where most had", { at_position: 25_000 }],
    ["when all had", { as_of: 30_000n, at_position: 30_000 }],
    ["when few had, of what most are known of", { as_of: 3000n, at_position: 25_000 }],
    ["when most had, of what few are known of", { as_of: 25_000n, at_position: 3000 }],
    ["when many had, of what many are known of", { as_of: 15_000n, at_position: 20_000 }],
  ])("%s", async (_, moment) => {
    const rows = await rowsOf([ACCOUNT_STARTS, starts]);
    for (const groups of [[], ["g1"], ["g0", "g2"]]) {
      const isMeant = (row: Row) =>
        begun(moment, row) && (groups.length === 0 || groups.includes(String(row.account_group)));
      const expected = starts.filter(isMeant).map(({ account }) => account);
      expect([groups, await readAll(rows, moment, groups)]).toEqual([groups, expected]);
    }
  });

  test("are refused for a generation that does not store starts", () => {
    expect(() => checkStartsKnown(8)).toThrow(ModelNotServed);
    expect(() => checkStartsKnown(9)).not.toThrow();
  });
});
