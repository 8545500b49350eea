import { describe, expect, test } from "@jest/globals";
import { HOT_ACCOUNTS } from "./hot-account-facts.ts";
import { workOnSqlite } from "./hot-work.ts";

const [FEW, MANY] = [1_000, 4_000];

/** What one more fact of an account costs: as much after thousands as after hundreds. */
describe("one more fact costs the same after thousands: runs", () => {
  test.each(Object.entries(HOT_ACCOUNTS))("%s", async (_, key) => {
    for (const every of [10, 400]) {
      const few = await workOnSqlite(key, { count: FEW, every });
      const many = await workOnSqlite(key, { count: MANY, every });
      expect(many.perFact).toBeLessThanOrEqual(1.5 * few.perFact);
      expect(many.textPerFact).toBeLessThanOrEqual(1.5 * few.textPerFact);
    }
  });
});
