import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { beforeAll, expect, test } from "@jest/globals";
import { verifyStream } from "./generations/verify.ts";
import { readAll } from "./ports/event-stream.ts";
import { readAfterCheckpoint } from "./publish/batch.ts";
import { listEvents } from "./queries/events.ts";
import { checkEnds } from "./stream-guard.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createMemoryEventStream } from "./testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "./testing/memory-model-catalogue.ts";
import { sampleEvent } from "./testing/sample-event.ts";

/** Paging continues correctly after a page that its size ended before its count. */

const [ledger, hashing] = ["long-pages", nodeHashing];
const stream = createMemoryEventStream({ ledger, hashing, clock: createManualClock(0n) });
const COUNT = 30;
const positions = Array.from({ length: COUNT }, (_, at) => at + 1);
const positionsOf = (events: readonly { position: number }[]) => events.map((e) => e.position);

beforeAll(async () => {
  const data = JSON.stringify({ model: "balances", generation: 2, note: "x".repeat(600_000) });
  const long = positions.map((number) => sampleEvent(number, { type: "ModelActivated", data }));
  await stream.append(0, long);
});

test("the check of the stream's ends covers its whole tail", async () => {
  expect(await checkEnds({ stream, ledger, hashing })).toBeUndefined();
});

test("verify reads to the head", async () => {
  const { events } = await verifyStream({ stream, ledger, hashing, bodies: false });
  expect(events).toBe(COUNT);
});

test("events are listed page by page up to the last", async () => {
  const met: number[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const sources = { stream, hashing, catalogue: createMemoryModelCatalogue() };
    const { data, next } = await listEvents(sources, {
      ...{ range: { after, upTo: COUNT, order: "asc" }, limit: 20, filters: {}, standings: null },
      nextTurn: async () => {},
    });
    met.push(...data.map(({ position }) => Number(position)));
    after = next === null ? null : Number(next[0]);
  }
  expect(met).toEqual(positions);
});

test("events of a type are all read", async () => {
  const met: number[] = [];
  for await (const { position } of readAll(stream, ["ModelActivated"])) met.push(position);
  expect(met).toEqual(positions);
});

test("a publisher continues after an event that fills a page by itself", async () => {
  const data = JSON.stringify({ note: "x".repeat(5_000_000) });
  const own = createMemoryEventStream({ ledger, hashing, clock: createManualClock(0n) });
  await own.append(
    0,
    [1, 2, 3].map((number) => sampleEvent(number, { data })),
  );
  for (const position of [1, 2]) {
    const [published] = await own.read({ after: position - 1, limit: 1 });
    const { hash = "" } = published ?? {};
    const onward = await readAfterCheckpoint(
      own,
      { position, hash, ledger, models: {} as never, stopped: [], heads: 0 },
      10,
    );
    expect(positionsOf(onward)).toEqual([position + 1]);
  }
});
