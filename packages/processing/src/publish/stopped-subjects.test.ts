import { describe, expect, test } from "@jest/globals";
import { STOPPED } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import { watchStopped } from "./stopped-subjects.ts";
import { firstCheckpoint, withModel } from "./topic-format.ts";

const FIRST = firstCheckpoint("books");
const MODEL = "trades";
const PUBLISHED_TO = 20;

const at = (subject: string, position: number) => ({ subject, position });

/** Rows of a model in which these are stopped; nothing says how that came. */
const rowsWith = (stopped: readonly StoppedSubject[]): Rows => ({
  get: async () => null,
  select: async (table) => (table === STOPPED ? stopped : []),
  count: async () => 0,
});

/** A publisher's watch of one model, and the same for its subjects and for its keys. */
function openWatch(models = FIRST.models) {
  const watch = watchStopped(models);
  let moments = 0;
  let keys: readonly StoppedSubject[] = [];
  const now = () => ({ publishedTo: PUBLISHED_TO, keys });
  async function see(stopped: readonly StoppedSubject[]): Promise<void> {
    moments += 1;
    const checkpoint = { position: 30, hash: "", digest: String(moments), state_digest: "" };
    const moment = { generation: 1, checkpoint, publishedTo: PUBLISHED_TO };
    await watch.follow(MODEL, rowsWith(stopped), moment);
  }
  return {
    isDue: (model: "trades" | "deposits" = MODEL) => watch.isRepublishDue(model),
    seeSubjects: see,
    seeKeys: async (stopped: readonly StoppedSubject[]) => {
      keys = stopped;
    },
    update: (republishFrom: number | null, resumed: readonly number[] = []) =>
      watch.update(MODEL, { ...now(), republishFrom, resumed }),
    finish: () => watch.finish(MODEL, now()),
  };
}

describe("subjects that stop and are resumed", () => {
  test("without a stopped subject nothing is due", async () => {
    const { update, isDue, seeSubjects } = openWatch();
    expect(update(null)).toBeNull();
    await seeSubjects([]);
    expect(update(null)).toBeNull();
    expect(isDue()).toBe(false);
  });

  test.each(["seeSubjects", "seeKeys"] as const)(
    "one that is not stopped any more makes its model due from where it had stopped (%s)",
    async (kind) => {
      const { isDue, update, finish, [kind]: see } = openWatch();
      await see([at("a", 9)]);
      expect(update(null)).toBe(9);
      await see([at("a", 9), at("b", 4)]);
      expect(update(9)).toBe(4);
      expect(isDue()).toBe(false);
      await see([at("a", 9)]);
      expect(update(4)).toBe(4);
      expect(isDue()).toBe(true);
      expect(isDue("deposits")).toBe(false);
      expect(finish()).toBe(9);
      expect(isDue()).toBe(false);
      await see([]);
      expect(update(9)).toBe(9);
      expect(finish()).toBeNull();
    },
  );

  test.each(["seeSubjects", "seeKeys"] as const)(
    "one that was resumed and stopped again at another position is due as well (%s)",
    async (kind) => {
      const { isDue, update, [kind]: see } = openWatch();
      await see([at("a", 9)]);
      update(null);
      await see([at("a", 12), at("b", 13)]);
      update(9);
      expect(isDue()).toBe(true);
    },
  );

  test("a subject that stopped beyond what is published is not due when it goes on", async () => {
    const { isDue, update, seeSubjects } = openWatch();
    await seeSubjects([at("a", PUBLISHED_TO + 1)]);
    expect(update(null)).toBeNull();
    await seeSubjects([]);
    expect(update(null)).toBeNull();
    expect(isDue()).toBe(false);
  });

  test("a closed anomaly makes its model due, whether the subject was seen stopped or not", () => {
    const { isDue, update } = openWatch();
    expect(update(null, [7, 5])).toBe(5);
    expect(isDue()).toBe(true);
  });

  test("after a restart every model with stopped subjects is due", () => {
    const { models } = withModel(FIRST, MODEL, { republishFrom: 3 });
    expect(openWatch(models).isDue()).toBe(true);
  });
});
