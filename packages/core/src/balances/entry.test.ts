import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { counterOf } from "./entry.ts";

/** Texts that look like times, whether or not there is such a time. */
const timelike = fc
  .tuple(fc.stringMatching(/^\d{4}$/), fc.stringMatching(/^\d\d-\d\dT[\d:.]{1,12}$/))
  .map(([year, rest]) => `${year}-${rest}Z`);

describe("the counter of a run", () => {
  test("is one for any id", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), timelike), (id) => {
        expect(counterOf(id)).toMatch(/^[\x21-\x7e]*$/);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    "2026-13-45T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "9999-01-01T00:00:00Z",
    "2026-01-01T::Z",
  ])("of %s, which is no time, is like that of any other text", (id) => {
    expect(counterOf(id)).toBe(`00${id.length}${id}`);
  });

  test("orders numbers by their size, and Layer1's messages by their time", () => {
    const inOrder = [
      ["9", "10", "4149614"],
      ["2026-01-01T00:00:00.9Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:01.000000001Z"],
    ];
    for (const ids of inOrder) expect(ids.map(counterOf).sort()).toEqual(ids.map(counterOf));
  });
});
