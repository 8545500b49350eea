import { describe, expect, test } from "@jest/globals";
import { watchStopped } from "./stopped.ts";
import { firstCheckpoint, withModel } from "./topic-format.ts";

const FIRST = firstCheckpoint("books");
const at = (subject: string, position: number) => ({ subject, position });
const MODEL = "trades";

describe("what was left out and folded later", () => {
  test("nothing was left out: nothing is due", () => {
    const watch = watchStopped(FIRST.models);
    expect(watch.note(MODEL, { republishFrom: null, stopped: [], resumed: [] })).toBeNull();
    expect(watch.isDue(MODEL)).toBe(false);
  });

  test("is due when a subject that was stopped is not any more, from where it had stopped", () => {
    const watch = watchStopped(FIRST.models);
    const note = (republishFrom: number | null, ...stopped: readonly ReturnType<typeof at>[]) =>
      watch.note(MODEL, { republishFrom, stopped, resumed: [] });
    expect(note(null, at("a", 9))).toBe(9);
    expect(note(9, at("a", 9), at("b", 4))).toBe(4);
    expect(watch.isDue(MODEL)).toBe(false);
    expect(note(4, at("a", 9))).toBe(4);
    expect(watch.isDue(MODEL)).toBe(true);
    expect(watch.isDue("deposits")).toBe(false);
    expect(watch.finish(MODEL, [at("a", 9)])).toBe(9);
    expect(watch.isDue(MODEL)).toBe(false);
    expect(note(9)).toBe(9);
    expect(watch.finish(MODEL, [])).toBeNull();
  });

  test("a subject that went on and stopped again at another place is due as well", () => {
    const watch = watchStopped(FIRST.models);
    watch.note(MODEL, { republishFrom: null, stopped: [at("a", 9)], resumed: [] });
    watch.note(MODEL, { republishFrom: 9, stopped: [at("a", 12)], resumed: [] });
    expect(watch.isDue(MODEL)).toBe(true);
  });

  test("what the changes say to have gone on is due, seen stopped or not", () => {
    const watch = watchStopped(FIRST.models);
    expect(watch.note(MODEL, { republishFrom: null, stopped: [], resumed: [7, 5] })).toBe(5);
    expect(watch.isDue(MODEL)).toBe(true);
  });

  test("after a restart it cannot be known, so it is due", () => {
    const { models } = withModel(FIRST, MODEL, { republishFrom: 3 });
    expect(watchStopped(models).isDue(MODEL)).toBe(true);
  });
});
