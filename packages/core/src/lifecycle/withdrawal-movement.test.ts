import { expect, test } from "@jest/globals";
import { amountPoint, pairByAmount, type Unpaired } from "./withdrawal-movement.ts";

/** `name amount request`, one after the other. */
const unpaired = (text: string): Unpaired<string>[] =>
  text.split(", ").map((each) => {
    const [item = "", amount = "", request = null] = each.split(" ");
    return { item, amount, order: item, request };
  });

test.each([
  ["equal amounts first", "c1 5, c2 4.9", "d1 4.9, d2 4.8", "c1 d2, c2 d1"],
  ["then both by descending amount", "c1 5, c2 7", "d1 4.9, d2 6.5", "c1 d1, c2 d2"],
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

test("amounts are in order as numbers of at most 61 bits", () => {
  const amounts =
    "0 0.00000000000000000001 0.0099 0.01 0.9 1 1.5 9.99 10 10.000000000001 123456789012.5";
  const points = amounts.split(" ").map(amountPoint);
  expect(points.toSorted((a, b) => Number(a - b))).toEqual(points);
  expect(new Set(points).size).toBe(points.length);
  expect(amountPoint("9".repeat(1000)) < 1n << 61n).toBe(true);
  expect(amountPoint(`0.${"0".repeat(999)}1`) >= 0n).toBe(true);
});
