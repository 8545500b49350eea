import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { wrongShape } from "./scalar.ts";
import { note } from "./service-fact.ts";

const SHAPE = z.strictObject({
  note,
  generation: z.int().positive(),
  kind: z.enum(["a", "b"]).optional(),
  list: z.array(z.string()).max(1).optional(),
  either: z.union([z.string(), z.number()]).optional(),
});

const GOOD = { note: "n", generation: 1 };

describe("what is wrong with a value", () => {
  test.each<Readonly<{ value: unknown; says: string }>>([
    { value: { generation: 1 }, says: "found nothing, expected a text" },
    { value: { ...GOOD, note: 7 }, says: "found a number, expected a text" },
    {
      value: { ...GOOD, note: "" },
      says: "found an empty text, expected a text of 1 or more characters",
    },
    {
      value: { ...GOOD, note: "x".repeat(2001) },
      says: "found another text, expected a text of at most 2000 characters",
    },
    { value: { ...GOOD, generation: 1.5 }, says: "found a number, expected a whole number" },
    { value: { ...GOOD, generation: "1" }, says: "found a text, expected a number" },
    {
      value: { ...GOOD, generation: -1 },
      says: "found another number, expected a number of more than 0",
    },
    { value: { ...GOOD, kind: "c" }, says: "found another text, expected one of a, b" },
    {
      value: { ...GOOD, list: ["a", "b"] },
      says: "found a list of 2, expected a list of at most 1",
    },
    { value: { ...GOOD, either: null }, says: "found null, expected one of the documented forms" },
    { value: { ...GOOD, more: 1 }, says: "found more, expected no further fields" },
    { value: [], says: "found a list of 0, expected an object" },
  ])("$says", ({ value, says }) => {
    const read = SHAPE.safeParse(value, { error: wrongShape, reportInput: true });
    expect(read.error?.issues.map(({ message }) => message)).toEqual([says]);
  });
});
