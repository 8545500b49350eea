import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { expect, test } from "@jest/globals";
import { createPageAhead } from "./page-ahead.ts";

/** A stream that counts how often it is asked, and may grow or fail. */
function stream(head: number) {
  const asked: number[] = [];
  const state = { head, isBroken: false };
  const read = async ({ after, limit }: { after: number; limit: number }) => {
    asked.push(after);
    if (state.isBroken) throw new Error("broken");
    const count = Math.max(0, Math.min(limit, state.head - after));
    return Array.from(
      { length: count },
      (_, at) => ({ position: after + at + 1 }) as RecordedEvent,
    );
  };
  return { asked, state, read: createPageAhead(read) };
}

const LIMIT = 1_000;

test("going through the stream meets every event once, with each page asked for once", async () => {
  const { read, asked } = stream(5_500);
  const positions: number[] = [];
  for (let after = 0; ; after += LIMIT) {
    const events = await read({ after, limit: LIMIT });
    positions.push(...events.map(({ position }) => position));
    if (events.length < LIMIT) break;
  }
  expect(positions).toEqual(Array.from({ length: 5_500 }, (_, at) => at + 1));
  // The last one is asked for again, since it was not full.
  expect(asked).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 5_000]);
});

test("a page that the head cut short is read again, since it may have grown", async () => {
  const { read, state } = stream(2_500);
  for (const after of [0, 1_000]) await read({ after, limit: LIMIT });
  state.head = 2_700;
  expect(await read({ after: 2_000, limit: LIMIT })).toHaveLength(700);
});

test("who goes elsewhere is not given what lay ahead", async () => {
  const { read } = stream(9_000);
  for (const after of [0, 1_000]) await read({ after, limit: LIMIT });
  expect((await read({ after: 2_000, limit: 1_001 }))[0]?.position).toBe(2_001);
  expect((await read({ after: 7, limit: LIMIT }))[0]?.position).toBe(8);
});

test("small pages and single ones ask for nothing ahead", async () => {
  const { read, asked } = stream(9_000);
  for (const after of [0, 10, 20]) await read({ after, limit: 10 });
  await read({ after: 5_000, limit: LIMIT });
  expect(asked).toEqual([0, 10, 20, 5_000]);
});

test("what fails ahead fails only where it is still broken", async () => {
  const { read, state } = stream(9_000);
  await read({ after: 0, limit: LIMIT });
  const second = read({ after: 1_000, limit: LIMIT });
  await second.then(() => undefined);
  state.isBroken = true;
  await read({ after: 2_000, limit: LIMIT });
  await expect(read({ after: 3_000, limit: LIMIT })).rejects.toThrow("broken");
  state.isBroken = false;
  expect(await read({ after: 3_000, limit: LIMIT })).toHaveLength(LIMIT);
});
