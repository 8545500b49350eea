import { expect, test } from "@jest/globals";
import type { DepositPart } from "./deposit.ts";
import { type ClassPart, EQUAL_PARTS_MAX, joinParts } from "./deposit.ts";

const PARTS: Readonly<Record<string, DepositPart>> = {
  S: "status",
  M: "movement",
  F: "fund",
  R: "reversal",
};

/** `name at network`; the first letter says which part it is. */
const partsOf = (text: string): ClassPart<string>[] =>
  text.split(", ").map((each) => {
    const [item = "", at = "0", network = null] = each.split(" ");
    const part = PARTS[item.charAt(0)] ?? "status";
    return { item, part, at: BigInt(at), tie: item, network };
  });

const joined = (parts: readonly ClassPart<string>[]): string =>
  joinParts(parts)
    .map((pair) => pair.join(" "))
    .sort()
    .join(", ");

test.each([
  ["each movement takes the nearest status", "S1 10, S2 20, M1 18, M2 19", "M1 S2, M2 S1"],
  ["the earlier of two as near", "S1 10, S2 20, M1 15", "M1 S1"],
  ["before or after", "S1 10, M1 9", "M1 S1"],
  ["a movement takes one of each", "S1 10, F1 30, M1 20", "M1 F1, M1 S1"],
  ["what is left joins too", "S1 10, S2 20, F1 21, M1 11", "M1 F1, M1 S1"],
  ["without a movement", "S1 10, F1 20", "F1 S1"],
  ["another network is another deposit", "S1 10 SOL, M1 11 BASE", ""],
  ["an unknown network is any", "S1 10, M1 11 BASE", "M1 S1"],
  ["a reversal takes the last movement before it", "M1 10, M2 20, M3 40, R1 30", "R1 M2"],
  ["no reversal comes before", "M1 10, R1 5", ""],
])("%s", (_, parts, expected) => {
  expect(joined(partsOf(parts))).toBe(expected);
  expect(joined(partsOf(parts).toReversed())).toBe(expected);
});

test("more equal ones than anybody can tell apart are left alone", () => {
  const parts = Array.from(
    { length: EQUAL_PARTS_MAX },
    (_, at) => `${at % 2 ? "S" : "M"}${at} ${at}`,
  );
  expect(joinParts(partsOf(parts.join(", "))).length).toBe(EQUAL_PARTS_MAX / 2);
  expect(joinParts(partsOf([...parts, "S9 99"].join(", ")))).toEqual([]);
});
