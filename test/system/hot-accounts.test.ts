import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import { HOT_SHAPES } from "./hot-shapes.ts";
import { FORGETFUL, workOnSqlite } from "./hot-work.ts";

const SHAPES = HOT_SHAPES.filter(({ model }) => model === "balances");

/** More runs than are ordered as a whole. */
const STRETCH = 800;

/** Each commit forgets what was read: rows that stay known would hide a question that grows. */
describe("one more fact costs the same after thousands: accounts", () => {
  test.each(SHAPES.map((shape) => [shape.name, shape] as const))("%s", async (_, shape) => {
    const { few, many, askedToReopen, walks } = await workOnSqlite(shape, STRETCH, FORGETFUL);
    expect(many.rowsPerFact).toBeLessThanOrEqual(1.5 * few.rowsPerFact);
    expect(many.rowsPerMove).toBeLessThanOrEqual(1.5 * few.rowsPerMove);
    expect(many.textPerFact).toBeLessThanOrEqual(1.5 * few.textPerFact);
    expect(askedToReopen).toBeLessThanOrEqual(4);
    expect(walks).toEqual([]);
  });
});

test("the runs of a dense burst, in any order, do not load their surroundings each anew", async () => {
  const burst = SHAPES.find(({ name }) => name.includes("dense burst"));
  if (burst === undefined) throw new Error("there is no such shape");
  const deliveries = (facts: number) =>
    shuffled(burst.deliveries(facts), createRandom(1, "in any order"));
  const { asked, facts } = await workOnSqlite({ ...burst, deliveries }, STRETCH);
  // 137 where each dropped what was in memory.
  expect(asked / facts).toBeLessThanOrEqual(70);
});

/** Rows that are asked for, for each fact, and beside it where each commit forgot what was read. */
const ASKED_MAX: Readonly<Record<string, number>> = {
  "runs of one instant, in any order": 3, // 64
  "runs in any order": 3, // 13
  "runs withdrawn oldest first": 1, // 5.7
  "runs of which one in ten is withdrawn": 0.3, // 1.4
  "accounts that share one id of the provider": 8, // 66
};

describe("a commit does not forget the rows around a hot key", () => {
  test.each(Object.entries(ASKED_MAX))("%s", async (name, most) => {
    const shape = SHAPES.find((one) => one.name === name);
    if (shape === undefined) throw new Error("there is no such shape");
    const { asked, facts } = await workOnSqlite(shape, STRETCH);
    expect(asked / facts).toBeLessThanOrEqual(most);
  });
});
