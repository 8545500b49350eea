import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { amountParts, fractionOf, uniqueNames, withoutDirections } from "./text.ts";

describe("an amount", () => {
  test.each([
    ["0", ["0"], ""],
    ["123", ["123"], ""],
    ["-1234567.50", ["1", "234", "567"], "50"],
    ["1000", ["1", "000"], ""],
  ])("%s is divided into groups", (value, groups, fraction) => {
    const sign = value.startsWith("-") ? "-" : "";
    expect(amountParts(value)).toEqual({ sign, groups, fraction });
  });

  test("that is divided has every character of what was given", () => {
    const digits = fc.stringMatching(/^-?\d{1,70}(?:\.\d{1,40})?$/);
    fc.assert(
      fc.property(digits, (value) => {
        const { sign, groups, fraction } = amountParts(value) ?? {
          sign: "",
          groups: [],
          fraction: "",
        };
        expect(sign + groups.join("") + (fraction && `.${fraction}`)).toBe(value);
      }),
    );
  });

  test.each([".25", " 1.25", "1e-7", "45,000.50", "-.5", "", "+1", "1."])(
    "that is written as %j is not divided, nothing of it is lost",
    (value) => {
      expect(amountParts(value)).toBeNull();
      expect(fractionOf([value, "1.5"])).toBe(1);
    },
  );
});

describe("the name of a row", () => {
  const namesOf = (rows: readonly { name: string }[]) =>
    rows.map((row) => uniqueNames(rows, ({ name }) => name).get(row));

  test("is its own, and stays when others come before it", () => {
    const [one, two] = [{ name: "a" }, { name: "a" }];
    expect(namesOf([one, two])).toEqual(["a 2", "a"]);
    expect(namesOf([{ name: "a" }, { name: "b" }, one, two])).toEqual(["a 3", "b", "a 2", "a"]);
  });
});

test("a sentence keeps its direction whatever it quotes", () => {
  expect(withoutDirections("balance 7.6 AAVE\u202e of \u05d0")).toBe(
    "balance 7.6 AAVE\\u202e of \u05d0",
  );
});
