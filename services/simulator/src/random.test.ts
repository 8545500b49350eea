import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createRandom, shuffled } from "./random.ts";

describe("random", () => {
  test("a seed and a label reproduce; another label is another stream", () => {
    const draw = (seed: number, label: string) => {
      const random = createRandom(seed, label);
      return Array.from({ length: 8 }, random.uint32);
    };
    expect(draw(7, "x")).toEqual(draw(7, "x"));
    expect(draw(7, "x")).not.toEqual(draw(7, "y"));
    expect(draw(7, "x")).not.toEqual(draw(8, "x"));
  });

  test("stays inside its bounds", () => {
    fc.assert(
      fc.property(fc.integer(), fc.bigInt({ min: 1n, max: 10n ** 40n }), (seed, bound) => {
        const random = createRandom(seed);
        const big = random.bigintBelow(bound);
        const small = random.between(-3, 3);
        return big >= 0n && big < bound && small >= -3 && small <= 3;
      }),
    );
  });

  test("spreads evenly", () => {
    const random = createRandom(1);
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 40_000; draw += 1) {
      const bucket = random.below(4);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  test("makes UUIDs of version 4", () => {
    const random = createRandom("uuid");
    const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (let draw = 0; draw < 100; draw += 1) expect(random.uuid()).toMatch(version4);
  });

  test("shuffles without losing or doubling", () => {
    const list = Array.from({ length: 50 }, (_, index) => index);
    const mixed = shuffled(list, createRandom(3));
    expect(mixed).not.toEqual(list);
    expect(mixed.toSorted((a, b) => a - b)).toEqual(list);
  });

  test("nothing can be picked from an empty list", () => {
    expect(() => createRandom(1).pick([])).toThrow(RangeError);
  });
});
