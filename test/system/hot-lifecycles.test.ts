import { describe, expect, test } from "@jest/globals";
import { HOT_SHAPES } from "./hot-shapes.ts";
import { FORGETFUL, workOnSqlite } from "./hot-work.ts";
import { runs } from "./support.ts";

const LIFECYCLES = HOT_SHAPES.filter(({ model }) => model !== "balances");
const [SHAPES, RUNS] = [
  LIFECYCLES.filter(({ endsInAll }) => !endsInAll),
  LIFECYCLES.filter(({ endsInAll }) => endsInAll),
];

/** More words than a record shows. */
const STRETCH = 400;

/** Each commit forgets what was read: rows that stay known would hide a question that grows. */
describe("one more fact costs the same after thousands: lifecycles", () => {
  test.each(SHAPES.map((shape) => [shape.name, shape] as const))("%s", async (_, shape) => {
    const { few, many, askedToReopen, walks } = await workOnSqlite(shape, STRETCH, FORGETFUL);
    expect(many.rowsPerFact).toBeLessThanOrEqual(1.5 * few.rowsPerFact);
    expect(many.rowsPerMove).toBeLessThanOrEqual(1.5 * few.rowsPerMove);
    expect(many.textPerFact).toBeLessThanOrEqual(1.5 * few.textPerFact);
    expect(askedToReopen).toBeLessThanOrEqual(2);
    expect(walks).toEqual([]);
  });
});

/** All of them are in one run, and each costs as much as ten others. */
const [SHORT_RUN, LONG_RUN] = [runs(25), runs(100)];

describe("a fact of a run of hundreds costs what one of a run of a hundred does", () => {
  test.each(RUNS.map((shape) => [shape.name, shape] as const))("%s", async (_, shape) => {
    const few = await workOnSqlite(shape, SHORT_RUN, FORGETFUL);
    const many = await workOnSqlite(shape, LONG_RUN, FORGETFUL);
    expect(many.asked / many.facts).toBeLessThanOrEqual((1.5 * few.asked) / few.facts);
    expect(many.walks).toEqual([]);
  });
});
