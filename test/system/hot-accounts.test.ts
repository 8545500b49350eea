import { describe, expect, test } from "@jest/globals";
import { HOT_SHAPES } from "./hot-shapes.ts";
import { workOnSqlite } from "./hot-work.ts";

const SHAPES = HOT_SHAPES.filter(({ model }) => model === "balances");

/** More runs than are ordered as a whole. */
const STRETCH = 800;

describe("one more fact costs the same after thousands: accounts", () => {
  test.each(SHAPES.map((shape) => [shape.name, shape] as const))("%s", async (_, shape) => {
    const { few, many, askedToReopen, walks } = await workOnSqlite(shape, STRETCH);
    expect(many.rowsPerFact).toBeLessThanOrEqual(1.5 * few.rowsPerFact);
    expect(many.rowsPerMove).toBeLessThanOrEqual(1.5 * few.rowsPerMove);
    expect(many.textPerFact).toBeLessThanOrEqual(1.5 * few.textPerFact);
    expect(askedToReopen).toBeLessThanOrEqual(3);
    expect(walks).toEqual([]);
  });
});
