import type { TreeHead } from "@counterfoil/contracts/audit";
import { formatTime } from "@counterfoil/core/exact/time";
import { afterEach, expect, test } from "@jest/globals";
import { createManualClock } from "../testing/manual-clock.ts";
import { keepHeads } from "./schedule.ts";

const MINUTE = 60_000;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Two processes that sign a head every hour, and a writer that appends. */
function twoProcesses() {
  const clock = createManualClock(1_800_000_000_000_000_000n);
  const made: string[] = [];
  const failures: unknown[] = [];
  const state = { last: null as TreeHead | null, position: 0, fails: false };
  const heads = {
    last: async () => state.last,
    make: async () => {
      if (state.fails) throw new Error("no disk");
      if (state.last?.position === String(state.position)) return state.last;
      const signed_at = formatTime(clock.now());
      state.last = {
        position: String(state.position),
        signed_at,
        signature: signed_at,
      } as TreeHead;
      return state.last;
    },
  };
  for (let process = 0; process < 2; process += 1) {
    const stopping = new AbortController();
    const onMade = ({ position }: TreeHead) => made.push(position);
    const onFailed = (error: unknown) => failures.push(error);
    const schedule = { heads, clock, everySeconds: 3600, onMade, onFailed };
    const ended = keepHeads(schedule, stopping.signal);
    stops.push(async () => {
      stopping.abort();
      await ended;
    });
  }
  return { clock, made, failures, state };
}

test("a head an hour, by whoever is first, and none where nothing came", async () => {
  const { clock, made, state } = twoProcesses();
  state.position = 5;
  await clock.advance(59 * MINUTE);
  expect(made).toEqual([]);
  await clock.advance(2 * MINUTE);
  expect(made).toEqual(["5"]);
  await clock.advance(180 * MINUTE);
  expect(made).toEqual(["5"]);
  state.position = 8;
  await clock.advance(61 * MINUTE);
  expect(made).toEqual(["5", "8"]);
});

test("one that failed is tried again", async () => {
  const { clock, made, failures, state } = twoProcesses();
  state.position = 1;
  state.fails = true;
  await clock.advance(62 * MINUTE);
  expect([made, failures.length > 0]).toEqual([[], true]);
  state.fails = false;
  await clock.advance(3 * MINUTE);
  expect(made).toEqual(["1"]);
});
