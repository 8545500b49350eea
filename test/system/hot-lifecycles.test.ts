import { describe, expect, test } from "@jest/globals";
import { EQUAL_WITHDRAWALS_IN_ANY_ORDER, HOT_LIFECYCLES } from "./hot-lifecycle-facts.ts";
import { type HotKey, workOnSqlite } from "./hot-work.ts";

const REPORTED = process.env.COUNTERFOIL_TEST_REPORT !== undefined;

async function fewAndMany(name: string, key: HotKey) {
  const few = await workOnSqlite(key, { count: 500, every: 20 });
  const many = await workOnSqlite(key, { count: 5_000, every: 20 });
  if (REPORTED) {
    const text = [few, many].map(({ perFact, perChange }) => `${perFact} (${perChange})`);
    console.log(`${name}: ${text.join(" then ")}`);
  }
  return { few, many };
}

/** What one more fact of a key costs: as much after thousands as after hundreds. */
describe("rows for one more fact", () => {
  test.each(Object.entries(HOT_LIFECYCLES))(
    "%s: no more after thousands than after hundreds",
    async (name, key) => {
      const { few, many } = await fewAndMany(name, key);
      expect(many.perFact / few.perFact).toBeLessThanOrEqual(1.5);
      expect(many.textPerFact / few.textPerFact).toBeLessThanOrEqual(1.5);
    },
  );

  /**
   * Where everything comes in any order, a late fact moves links on along a chain, whose length
   * grows with the root of how many wait. What it moves is what it costs.
   */
  test("equal withdrawals, facts in any order: no more for each record that changes", async () => {
    const { few, many } = await fewAndMany("any order", EQUAL_WITHDRAWALS_IN_ANY_ORDER);
    expect(many.perChange / few.perChange).toBeLessThanOrEqual(1.5);
    expect(many.perFact / few.perFact).toBeLessThanOrEqual(2);
  });
});
