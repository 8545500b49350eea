import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { expect, test } from "@jest/globals";
import { StreamUnavailable } from "../ports/errors.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createAppendTrial } from "./append-trial.ts";

/** A trial on a stream that refuses appends while `refusal` is set. */
function open() {
  const clock = createManualClock();
  const memory = createMemoryEventStream({ ledger: "books", hashing, clock });
  const state = { refusal: null as Error | null, appends: 0, told: [] as unknown[] };
  const append: typeof memory.append = async (...given) => {
    state.appends += 1;
    if (state.refusal !== null) throw state.refusal;
    return memory.append(...given);
  };
  const told = (error: unknown) => void state.told.push(error);
  const areRefused = createAppendTrial({ stream: { ...memory, append }, clock }, told);
  return { clock, memory, state, areRefused };
}

test("an append without events shows whether others are refused, and why", async () => {
  const { clock, memory, state, areRefused } = open();
  expect(await areRefused()).toBe(false);
  state.refusal = new StreamUnavailable("permission denied for table events");
  await clock.advance(30_000);
  expect(await areRefused()).toBe(true);
  expect(state.told).toEqual([state.refusal]);
  state.refusal = null;
  await clock.advance(30_000);
  expect(await areRefused()).toBe(false);
  expect((await memory.head()).position).toBe(0);
});

test("readers that ask often are answered from one trial", async () => {
  const { clock, state, areRefused } = open();
  expect(await Promise.all([areRefused(), areRefused()])).toEqual([false, false]);
  await clock.advance(29_000);
  await areRefused();
  expect(state.appends).toBe(1);
  await clock.advance(1_000);
  await areRefused();
  expect(state.appends).toBe(2);
});

test("a fault of this program is none of the stream", async () => {
  const { state, areRefused } = open();
  state.refusal = new TypeError("a bug");
  await expect(areRefused()).rejects.toThrow("a bug");
});
