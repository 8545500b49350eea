import { Readable } from "node:stream";
import type { ProjectorEvent } from "@counterfoil/projector/projector";
import { expect, jest, test } from "@jest/globals";
import { bytesOf, collectCommits, createLimiter } from "./jobs.ts";

const commit = (position: number, events: number) =>
  ({ kind: "commit", model: "trades", commits: 1, events, position, stopped: 0 }) as const;

test("commits are summed up, and none is sent behind a change of state that came after it", () => {
  jest.useFakeTimers();
  const sent: ProjectorEvent[] = [];
  const { report, flush } = collectCommits((event) => sent.push(event));
  report(commit(3, 3));
  report(commit(5, 2));
  expect(sent).toEqual([]);
  jest.advanceTimersByTime(100);
  expect(sent).toEqual([{ ...commit(5, 5), commits: 2 }]);
  report(commit(6, 1));
  report({ kind: "state", model: "trades", state: "live" });
  report(commit(7, 1));
  flush();
  jest.advanceTimersByTime(1_000);
  expect(sent.slice(1)).toEqual([
    commit(6, 1),
    { kind: "state", model: "trades", state: "live" },
    commit(7, 1),
  ]);
  jest.useRealTimers();
});

test("work is limited to three at once, starts in order, and continues after failures", async () => {
  const limiter = createLimiter(3);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  let atWork = 0;
  let most = 0;
  const all = Array.from({ length: 10 }, (_, at) =>
    limiter.run(async () => {
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
  const idle = limiter.whenIdle();
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

test.each<readonly [string, readonly string[]]>([
  ["nothing", []],
  ["a short one", ["{}"]],
  ["a long one", ["x".repeat(100_000)]],
  ["several parts", ["{", "x".repeat(100_000), "}"]],
])("the bytes of an answer can be transferred, repeatedly: %s", async (_name, texts) => {
  for (let times = 0; times < 2; times += 1) {
    const chunks = Readable.from(texts.map((text) => Buffer.from(text)));
    const bytes = await bytesOf(chunks);
    const { buffer } = bytes;
    const given = structuredClone(bytes, { transfer: [buffer as ArrayBuffer] });
    expect(Buffer.from(given).toString()).toBe(texts.join(""));
    expect(buffer.byteLength).toBe(0);
  }
});
