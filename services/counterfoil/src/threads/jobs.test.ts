import type { ProjectorEvent } from "@counterfoil/projector/projector";
import { expect, jest, test } from "@jest/globals";
import { collectCommits } from "./jobs.ts";

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
