import { describe, expect, test } from "@jest/globals";
import { firstCheckpoint, withModel } from "./checkpoint.ts";
import { createRepublish } from "./republish.ts";

const FIRST = firstCheckpoint("books");
const at = (subject: string, position: number) => ({ subject, position });
const MODEL = "trades";

describe("what was left out and folded later", () => {
  test("nothing was left out: nothing is due", () => {
    const republish = createRepublish(FIRST.models);
    expect(republish.note(MODEL, { republishFrom: null, stopped: [], resumed: [] })).toBeNull();
    expect(republish.isDue(MODEL)).toBe(false);
  });

  test("is due when a subject that was stopped is not any more, from where it had stopped", () => {
    const republish = createRepublish(FIRST.models);
    const note = (republishFrom: number | null, ...stopped: readonly ReturnType<typeof at>[]) =>
      republish.note(MODEL, { republishFrom, stopped, resumed: [] });
    expect(note(null, at("a", 9))).toBe(9);
    expect(note(9, at("a", 9), at("b", 4))).toBe(4);
    expect(republish.isDue(MODEL)).toBe(false);
    expect(note(4, at("a", 9))).toBe(4);
    expect(republish.isDue(MODEL)).toBe(true);
    expect(republish.isDue("deposits")).toBe(false);
    expect(republish.finish(MODEL, [at("a", 9)])).toBe(9);
    expect(republish.isDue(MODEL)).toBe(false);
    expect(note(9)).toBe(9);
    expect(republish.finish(MODEL, [])).toBeNull();
  });

  test("a subject that went on and stopped again at another place is due as well", () => {
    const republish = createRepublish(FIRST.models);
    republish.note(MODEL, { republishFrom: null, stopped: [at("a", 9)], resumed: [] });
    republish.note(MODEL, { republishFrom: 9, stopped: [at("a", 12)], resumed: [] });
    expect(republish.isDue(MODEL)).toBe(true);
  });

  test("what the changes say to have gone on is due, seen stopped or not", () => {
    const republish = createRepublish(FIRST.models);
    expect(republish.note(MODEL, { republishFrom: null, stopped: [], resumed: [7, 5] })).toBe(5);
    expect(republish.isDue(MODEL)).toBe(true);
  });

  test("after a restart it cannot be known, so it is due", () => {
    const { models } = withModel(FIRST, MODEL, { republishFrom: 3 });
    expect(createRepublish(models).isDue(MODEL)).toBe(true);
  });
});
