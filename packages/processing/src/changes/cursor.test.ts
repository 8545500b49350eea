import type { ModelName } from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import {
  advance,
  type ChangeCursor,
  cursorAt,
  formatCursor,
  nextChanges,
  parseCursor,
  separateLagging,
} from "./cursor.ts";

const parsed = (text: string): ChangeCursor => {
  const cursor = parseCursor(text);
  if (cursor === null) throw new Error(`${text} is not a cursor`);
  return cursor;
};

describe("a cursor as text", () => {
  test.each(["0", "120", "120.3", "120.3~withdrawals.97", "120~deposits.4.1~trades.5"])(
    "%s is read as it is written",
    (text) => expect(formatCursor(parsed(text))).toBe(text),
  );

  test.each([
    ...["", "-1", "1.", ".1", "1.2.3", "a", "1e3", "1~", "1~balances", "1~balances.", "1~x.1"],
    ...["1~trades.1~trades.2", "9999999999999999", "1 ", "1~anomalies.1", "٣"],
  ])("%p is not a cursor", (text) => expect(parseCursor(text)).toBeNull());
});

const ALL: readonly ModelName[] = ["balances", "withdrawals", "deposits", "trades"];
const without = (model: ModelName) => ALL.filter((each) => each !== model);

describe("what comes next", () => {
  test("is what can be read of all models, up to the one that is furthest behind", () => {
    expect(nextChanges(cursorAt(5), cursorAt(9))).toEqual({
      models: ALL,
      from: { position: 5, seen: null },
      upTo: 9,
    });
    expect(nextChanges(cursorAt(5), parsed("9~trades.7"))).toMatchObject({ upTo: 7 });
    expect(nextChanges(cursorAt(9), cursorAt(9))).toBeNull();
    expect(nextChanges(cursorAt(12), cursorAt(9))).toBeNull();
  });

  test("is the rest of a position before anything else", () => {
    const next = nextChanges(parsed("5.2~trades.3"), cursorAt(9));
    const from = { position: 5, seen: 2 };
    expect(next).toEqual({ models: without("trades"), from, upTo: 5 });
  });

  test("does not wait for a lagging model, which rejoins the others when it has caught up", () => {
    const known = parsed("9~trades.5");
    let reader = separateLagging(cursorAt(5), known);
    expect(formatCursor(reader)).toBe("5~trades.5");
    const ahead = nextChanges(reader, known);
    expect(ahead).toMatchObject({ models: without("trades"), upTo: 9 });
    reader = advance(reader, ahead ?? { models: [] }, { position: 9, seen: null });
    expect(formatCursor(reader)).toBe("9~trades.5");
    expect(nextChanges(reader, known)).toBeNull();
    const later = cursorAt(11);
    const back = nextChanges(reader, later);
    expect(back).toEqual({ models: ["trades"], from: { position: 5, seen: null }, upTo: 9 });
    const midway = advance(reader, back ?? { models: [] }, { position: 8, seen: 1 });
    expect(formatCursor(midway)).toBe("9~trades.8.1");
    reader = advance(reader, back ?? { models: [] }, { position: 9, seen: null });
    expect(formatCursor(reader)).toBe("9");
    expect(nextChanges(reader, later)).toMatchObject({ models: ALL, upTo: 11 });
  });
});
