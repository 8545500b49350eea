import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { positionsOf, readAll } from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { expect, test } from "@jest/globals";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { describePostgres } from "./testing/use-postgres.ts";

const WRITERS = 16;
const APPENDS = 15;

describePostgres("followers of a stream on PostgreSQL", (use) => {
  test("see every event once and in order while 16 connections append", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    const options = { url, ledger, hashing: nodeHashing, clock: systemClock };
    const open = (readOnly: boolean) => openEventStream({ ...options, readOnly });
    const writers = await Promise.all(Array.from({ length: WRITERS }, () => open(false)));
    const followers = await Promise.all([open(true), open(true), open(true)]);
    const total = WRITERS * APPENDS * 3;
    const following = followers.map((follower) => follow(follower, total));
    await Promise.all(writers.map((writer, at) => appendMany(writer, 10_000 * (at + 1))));
    for (const seen of await Promise.all(following)) {
      expect(seen).toEqual(Array.from({ length: total }, (_, at) => at + 1));
    }
    const ids = (await readAll(followers[0] as EventStream)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(total);
    await Promise.all([...writers, ...followers].map((stream) => stream.close()));
  });
});

async function appendMany(stream: EventStream, first: number): Promise<void> {
  for (let append = 0; append < APPENDS; append += 1) {
    const events = sampleEvents(first + 3 * append, first + 3 * append + 2);
    for (;;) {
      const { position } = await stream.head();
      if ((await stream.append(position, events)).outcome === "appended") break;
    }
  }
}

/** The positions in the order in which they were read. */
async function follow(stream: EventStream, total: number): Promise<readonly number[]> {
  const seen: number[] = [];
  while (seen.length < total) {
    const after = seen.at(-1) ?? 0;
    await stream.waitForAppend(after, new AbortController().signal);
    seen.push(...positionsOf(await stream.read({ after, limit: 100 })));
  }
  return seen;
}
