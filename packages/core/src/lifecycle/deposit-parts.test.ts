import { expect, test } from "@jest/globals";
import { type ClassPart, type DepositPart, joinParts, lotsOf, updateLot } from "./deposit-parts.ts";

const PARTS: Readonly<Record<string, DepositPart>> = {
  S: "status",
  M: "movement",
  F: "fund",
  R: "reversal",
};

/** `name at network group amount`, `-` for none; the first letter says which part it is. */
const partsOf = (text: string): ClassPart<string>[] =>
  text.split(", ").map((each) => {
    const [item = "", at = "0", ...scope] = each.split(" ");
    const known = scope.map((one) => (one === "-" ? null : one));
    const [network = null, group = null, amount] = known;
    const part = PARTS[item.charAt(0)] ?? "status";
    return { item, part, at: BigInt(at), tie: item, amount: amount ?? "5", network, group };
  });

const joined = (parts: readonly ClassPart<string>[]): string =>
  joinParts(parts)
    .map(({ a, b, isPartial }) => `${a} ${b}${isPartial ? " in part" : ""}`)
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
  ["a reversal takes a movement of its own group", "M1 10 - A, M2 20 - B, R1 30 - A", "R1 M1"],
  ["a status without a group is of any", "S1 10, M1 11 - A", "M1 S1"],
  ["another amount is another deposit", "S1 10 - - 5, M1 11 - - 4", ""],
  ["booked again after a reversal", "S1 10, M1 11, R1 12, M2 13", "M1 S1, M2 M1, R1 M1"],
  ["and again", "S1 10, M1 11, R1 12, M2 13, R2 14, M3 15", "M1 S1, M2 M1, M3 M2, R1 M1, R2 M2"],
  [
    "booked again after a reversal in parts",
    "S1 10, M1 11, R1 12 - - 2, R2 13 - - 3, M2 14",
    "M1 S1, M2 M1, R1 M1 in part, R2 M1 in part",
  ],
  ["with a status of its own", "S1 10, M1 11, R1 12, S2 13, M2 13", "M1 S1, M2 S2, R1 M1"],
  ["without any status they are two", "M1 11, R1 12, M2 13", "R1 M1"],
  ["taken back in part", "M1 10, M2 11, R1 12 - - 2, R2 13 - - 4", "R1 M2 in part, R2 M1 in part"],
  [
    "the greatest first, from the least that is enough",
    "M1 10 - - 1, M2 11 - - 2, R1 12 - - 0.5, R2 13 - - 0.5, R3 14 - - 1.5",
    "R1 M2 in part, R2 M1 in part, R3 M2 in part",
  ],
  ["a second one of the whole", "M1 10, R1 12, R2 13", "R1 M1, R2 M1"],
  ["in whole seconds before it was booked", "M1 1500000000, R1 1000000000", "R1 M1"],
  ["more than was booked", "M1 10, R1 12 - - 7", "R1 M1 in part"],
  ["long before it was booked", "M1 2000000010, R1 1000000000, R2 10 - - 2", ""],
])("%s", (_, parts, expected) => {
  expect(joined(partsOf(parts))).toBe(expected);
  expect(joined(partsOf(parts).toReversed())).toBe(expected);
});

/** `own/other`, pairs first; the free part in brackets. */
function lotOf(text: string) {
  const [own, other] = text.split("/").map((side) => ({
    paired: side.replace(/\(.*/, "").trim().split(" ").filter(Boolean),
    free: /\((.*)\)/.exec(side)?.[1] ?? null,
  }));
  return {
    ...{ own: own?.paired ?? [], freeOwn: own?.free ?? null },
    ...{ other: other?.paired ?? [], freeOther: other?.free ?? null },
  };
}

test.each([
  ["an empty lot", "/", "+a", "/", "a goes on"],
  ["one is free on the other side", "/ (v)", "+a", "a / v", "v stays"],
  ["all are pairs", "a c / v w", "+b", "a b / v w", "c goes on"],
  ["all are pairs, and the new one sorts last", "a b / v w", "+c", "a b / v w", "c goes on"],
  ["one of a pair leaves, another is free", "a b (c) / v w", "-a", "b c / v w", "c stays"],
  ["one of a pair leaves, none is free", "a b / v w", "-a", "b / v", "w goes on"],
  ["a free one leaves", "a (b) / v", "-b", "a / v", "b stays"],
])("a lot: %s", (_, before, change, after, moved) => {
  const item = change.slice(1);
  const comes = change.startsWith("+");
  const dealt = updateLot(lotOf(before), { item, comes }, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
  expect(`${dealt.own.join(" ")} / ${dealt.other.join(" ")}`.trim()).toBe(after);
  expect(`${dealt.moved.item} ${dealt.moved.comes ? "goes on" : "stays"}`).toBe(moved);
});

test("the last round has one lot, and each number is in one lot of each round", () => {
  const [all, none] = [lotsOf((1n << 64n) - 1n), lotsOf(0n)];
  expect(all.at(-1)).toBe(none.at(-1));
  expect(all.slice(0, -1).every((lot, round) => lot !== none[round])).toBe(true);
});
