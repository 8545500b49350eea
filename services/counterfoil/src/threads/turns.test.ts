import { expect, test } from "@jest/globals";
import { createTurns } from "./turns.ts";

test("so many are at work at once, in their order, also after some have failed", async () => {
  const turns = createTurns(3);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  let atWork = 0;
  let most = 0;
  const all = Array.from({ length: 10 }, (_, at) =>
    turns.take(async () => {
      begun.push(at);
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise<void>((resolve) => ends.push(resolve));
      atWork -= 1;
      if (at % 3 === 0) throw new Error(`no ${at}`);
      return at;
    }),
  );
  const ended = Promise.allSettled(all);
  const idle = turns.whenIdle();
  for (let done = 0; done < 10; done += 1) {
    while (ends.length === 0) await Promise.resolve();
    ends.shift()?.();
  }
  await idle;
  const outcomes = await ended;
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(most).toBe(3);
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(4);
});
