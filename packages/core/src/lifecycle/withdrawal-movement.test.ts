import { expect, test } from "@jest/globals";
import { pairByAmount, type Unpaired } from "./withdrawal-movement.ts";

/** `name amount request`, one after the other. */
const unpaired = (text: string): Unpaired<string>[] =>
  text.split(", ").map((each) => {
    const [item = "", amount = "", request = null] = each.split(" ");
    return { item, amount, order: item, request };
  });

test.each([
  ["equal amounts first", "c1 5, c2 4.9", "d1 4.9, d2 4.8", "c1 d2, c2 d1"],
  ["then both by falling amount", "c1 5, c2 7", "d1 4.9, d2 6.5", "c1 d1, c2 d2"],
  ["equal ones in order", "c2 5, c1 5", "d2 5, d1 5", "c1 d1, c2 d2"],
  ["a debit is no greater than what was held", "c1 5", "d1 5.1", ""],
  ["two requests never join", "c1 5 R1, c2 5 R2", "d1 5 R2, d2 5 R3", "c2 d1"],
  ["one request and none do", "c1 5 R1", "d1 4", "c1 d1"],
])("%s", (_, confirmations, debits, expected) => {
  const pairs = pairByAmount(unpaired(confirmations), unpaired(debits));
  expect(
    pairs
      .map((pair) => pair.join(" "))
      .sort()
      .join(", "),
  ).toBe(expected);
});
