import { describe, expect, test } from "@jest/globals";
import { firstCheckpoint, withModel } from "./checkpoint.ts";
import { createMending } from "./mending.ts";

const FIRST = firstCheckpoint("books");
const at = (subject: string, position: number) => ({ subject, position });
const MODEL = "trades";

describe("what was left out and folded later", () => {
  test("nothing was left out: nothing is due", () => {
    const mending = createMending(FIRST.models);
    expect(mending.note(MODEL, { mendFrom: null, stopped: [], resumed: [] })).toBeNull();
    expect(mending.isDue(MODEL)).toBe(false);
  });

  test("is due when a subject that was stopped is not any more, from where it had stopped", () => {
    const mending = createMending(FIRST.models);
    const note = (mendFrom: number | null, ...stopped: readonly ReturnType<typeof at>[]) =>
      mending.note(MODEL, { mendFrom, stopped, resumed: [] });
    expect(note(null, at("a", 9))).toBe(9);
    expect(note(9, at("a", 9), at("b", 4))).toBe(4);
    expect(mending.isDue(MODEL)).toBe(false);
    expect(note(4, at("a", 9))).toBe(4);
    expect(mending.isDue(MODEL)).toBe(true);
    expect(mending.isDue("deposits")).toBe(false);
    expect(mending.settle(MODEL, [at("a", 9)])).toBe(9);
    expect(mending.isDue(MODEL)).toBe(false);
    expect(note(9)).toBe(9);
    expect(mending.settle(MODEL, [])).toBeNull();
  });

  test("a subject that went on and stopped again at another place is due as well", () => {
    const mending = createMending(FIRST.models);
    mending.note(MODEL, { mendFrom: null, stopped: [at("a", 9)], resumed: [] });
    mending.note(MODEL, { mendFrom: 9, stopped: [at("a", 12)], resumed: [] });
    expect(mending.isDue(MODEL)).toBe(true);
  });

  test("what the changes say to have gone on is due, seen stopped or not", () => {
    const mending = createMending(FIRST.models);
    expect(mending.note(MODEL, { mendFrom: null, stopped: [], resumed: [7, 5] })).toBe(5);
    expect(mending.isDue(MODEL)).toBe(true);
  });

  test("after a restart it cannot be known, so it is due", () => {
    const { models } = withModel(FIRST, MODEL, { mendFrom: 3 });
    expect(createMending(models).isDue(MODEL)).toBe(true);
  });
});
