import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createAgenda } from "./generate-history.ts";

test("gives the earliest first, and of equal times the one that came first", () => {
  const times = fc.array(fc.bigInt({ min: 0n, max: 20n }), { maxLength: 200 });
  fc.assert(
    fc.property(times, (list) => {
      const agenda = createAgenda<number>();
      for (const [index, atNs] of list.entries()) agenda.add(atNs, index);
      const taken: number[] = [];
      for (let due = agenda.take(); due !== null; due = agenda.take()) taken.push(due.item);
      const sorted = [...list.keys()].toSorted((a, b) => Number((list[a] ?? 0n) - (list[b] ?? 0n)));
      expect(taken).toEqual(sorted);
    }),
  );
});

test("tells when the next is due", () => {
  const agenda = createAgenda<string>();
  expect(agenda.nextNs()).toBeNull();
  agenda.add(5n, "b");
  agenda.add(3n, "a");
  expect(agenda.nextNs()).toBe(3n);
  expect(agenda.take()).toMatchObject({ atNs: 3n, item: "a" });
  expect(agenda.nextNs()).toBe(5n);
});
