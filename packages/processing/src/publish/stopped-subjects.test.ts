import { describe, expect, test } from "@jest/globals";
import { watchStopped } from "./stopped-subjects.ts";
import { firstCheckpoint, withModel } from "./topic-format.ts";

const FIRST = firstCheckpoint("books");
const at = (subject: string, position: number) => ({ subject, position });
const MODEL = "trades";

describe("subjects that stop and are resumed", () => {
  test("without a stopped subject nothing is due", () => {
    const watch = watchStopped(FIRST.models);
    expect(watch.update(MODEL, { republishFrom: null, stopped: [], resumed: [] })).toBeNull();
    expect(watch.isRepublishDue(MODEL)).toBe(false);
  });

  test("a subject that is not stopped any more makes its model due from the position where it had stopped", () => {
    const watch = watchStopped(FIRST.models);
    const update = (republishFrom: number | null, ...stopped: readonly ReturnType<typeof at>[]) =>
      watch.update(MODEL, { republishFrom, stopped, resumed: [] });
    expect(update(null, at("a", 9))).toBe(9);
    expect(update(9, at("a", 9), at("b", 4))).toBe(4);
    expect(watch.isRepublishDue(MODEL)).toBe(false);
    expect(update(4, at("a", 9))).toBe(4);
    expect(watch.isRepublishDue(MODEL)).toBe(true);
    expect(watch.isRepublishDue("deposits")).toBe(false);
    expect(watch.finish(MODEL, [at("a", 9)])).toBe(9);
    expect(watch.isRepublishDue(MODEL)).toBe(false);
    expect(update(9)).toBe(9);
    expect(watch.finish(MODEL, [])).toBeNull();
  });

  test("a subject that was resumed and stopped again at another position is due as well", () => {
    const watch = watchStopped(FIRST.models);
    watch.update(MODEL, { republishFrom: null, stopped: [at("a", 9)], resumed: [] });
    watch.update(MODEL, { republishFrom: 9, stopped: [at("a", 12)], resumed: [] });
    expect(watch.isRepublishDue(MODEL)).toBe(true);
  });

  test("a closed anomaly makes its model due, whether the subject was seen stopped or not", () => {
    const watch = watchStopped(FIRST.models);
    expect(watch.update(MODEL, { republishFrom: null, stopped: [], resumed: [7, 5] })).toBe(5);
    expect(watch.isRepublishDue(MODEL)).toBe(true);
  });

  test("after a restart every model with stopped subjects is due", () => {
    const { models } = withModel(FIRST, MODEL, { republishFrom: 3 });
    expect(watchStopped(models).isRepublishDue(MODEL)).toBe(true);
  });
});
