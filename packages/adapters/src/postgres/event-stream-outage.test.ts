import { setTimeout as wait } from "node:timers/promises";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import {
  brokenAt,
  positionsOf,
  readAll,
} from "@counterfoil/processing/testing/event-stream-fixture";
import { sampleEvent, sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeHashing, systemClock } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { describeOwnPostgres, fixtureOf } from "./testing/use-postgres.ts";

const KILL_ALL = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

describeOwnPostgres("a stream whose server goes away", (use) => {
  let ledger = "";
  let opened: EventStream[] = [];

  beforeEach(() => {
    ledger = fixtureOf(use().url).newLedger();
  });
  afterEach(async () => {
    for (const stream of opened) await stream.close();
    opened = [];
  });

  const open = async () => {
    const options = { url: use().url, ledger, hashing: nodeHashing, clock: systemClock };
    const stream = await openEventStream(options);
    opened.push(stream);
    return stream;
  };

  async function expectSound(stream: EventStream, acknowledged: readonly string[]): Promise<void> {
    const events = await readAll(stream);
    expect(positionsOf(events)).toEqual(events.map((_, at) => at + 1));
    const ids = events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining([...acknowledged]));
    expect(brokenAt(events, { ledger, hashing: nodeHashing })).toBeNull();
  }

  test("loses and doubles nothing, whenever its connections are killed", async () => {
    const streams = [await open(), await open()];
    const acknowledged: string[] = [];
    let next = 1;
    const batch = fc.record({ size: fc.integer({ min: 1, max: 40 }), pauseMs: fc.nat(6) });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 2, maxLength: 6 }), async (batches) => {
        for (const { size, pauseMs } of batches) {
          const killing = wait(pauseMs).then(() => fixtureOf(use().url).query(KILL_ALL));
          const groups = streams.map(() => {
            next += size;
            return sampleEvents(next - size, next - 1);
          });
          const appends = streams.map((stream, at) => appendLookingUp(stream, groups[at] ?? []));
          acknowledged.push(...(await Promise.all(appends)).flat());
          await killing;
        }
      }),
      { numRuns: 8 },
    );
    await expectSound(streams[0] as EventStream, acknowledged);
    expect((await (streams[0] as EventStream).head()).position).toBe(next - 1);
  });

  test("fails at once while the server is stopped, and goes on when it is back", async () => {
    const stream = await open();
    const follower = await open();
    await stream.append(0, sampleEvents(1, 3));
    await use().stop();
    await expect(stream.append(3, [sampleEvent(4)])).rejects.toThrow(StreamUnavailable);
    await expect(stream.head()).rejects.toThrow("COUNTERFOIL_POSTGRES_URL");
    const waiting = waitFor(follower, 3);
    await use().start();
    await appendLookingUp(stream, [sampleEvent(4)]);
    await waiting;
    await expectSound(
      stream,
      [1, 2, 3, 4].map((number) => sampleEvent(number).id),
    );
  });

  test("a server that has fallen silent holds nobody for ever, and what it knew is found", async () => {
    const stream = await open();
    await stream.append(0, sampleEvents(1, 3));
    await use().signal("SIGSTOP");
    const frozen = Promise.allSettled([stream.head(), stream.append(3, [sampleEvent(4)])]);
    const reasons = (await frozen).map((result) => result.status === "rejected" && result.reason);
    await use().signal("SIGCONT");
    expect(reasons).toEqual([expect.any(StreamUnavailable), expect.any(StreamUnavailable)]);
    await appendLookingUp(stream, [sampleEvent(4)]);
    await expectSound(stream, [sampleEvent(4).id]);
  });

  test("a waiter hears of appends again after the connection that listened was killed", async () => {
    const stream = await open();
    const writer = await open();
    const heard = stream.waitForAppend(0, new AbortController().signal);
    await writer.append(0, [sampleEvent(1)]);
    await heard;
    for (let position = 1; position < 6; position += 1) {
      const waiting = waitFor(stream, position);
      await fixtureOf(use().url).query(KILL_ALL);
      await appendLookingUp(writer, [sampleEvent(position + 1)]);
      await waiting;
    }
  });

  test("an append that holds U+0000 is refused by name, and the next one goes on", async () => {
    const stream = await open();
    const broken = sampleEvent(2, { correlation_id: "a\0b" });
    await expect(stream.append(0, [sampleEvent(1), broken])).rejects.toThrow(
      `correlation_id of event ${broken.id} holds U+0000`,
    );
    expect((await stream.head()).position).toBe(0);
    expect(await stream.append(0, [sampleEvent(3)])).toMatchObject({ outcome: "appended" });
  });
});

/** Like the ingestor: finds by ids, appends what is missing, and starts again after an error. */
async function appendLookingUp(
  stream: EventStream,
  events: readonly NewEvent[],
): Promise<readonly string[]> {
  const ids = events.map(({ id }) => id);
  for (;;) {
    try {
      const { head, known } = await stream.findByIds(ids);
      const missing = events.filter(({ id }) => !known.has(id));
      if (missing.length === 0) return ids;
      if ((await stream.append(head.position, missing)).outcome === "appended") return ids;
    } catch (error) {
      if (!(error instanceof StreamUnavailable)) throw error;
      await wait(20);
    }
  }
}

/** Like a follower: waits for a hint and then reads, until there are events. */
async function waitFor(stream: EventStream, after: number): Promise<void> {
  for (;;) {
    await stream.waitForAppend(after, new AbortController().signal);
    const events = await stream.read({ after, limit: 1 }).catch(() => []);
    if (events.length > 0) return;
    await wait(20);
  }
}
