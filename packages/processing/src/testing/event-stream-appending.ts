import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { emptyHead, headOf } from "@counterfoil/core/stream/chain";
import { describe, expect, test } from "@jest/globals";
import { EventIdTaken } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { positionsOf, readAll, type StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvent, sampleEvents, sampleId } from "./sample-event.ts";

export function describeAppending(use: () => StreamFixture): void {
  describe("appending", () => {
    describeOutcomes(use);
    describeRaces(use);
  });
}

function describeOutcomes(use: () => StreamFixture): void {
  test("an empty stream has position 0 and the hash of the ledger's name", async () => {
    const { stream, harness } = use();
    expect(await stream.head()).toEqual(emptyHead(harness.ledger, harness.hashing));
    expect(await readAll(stream)).toEqual([]);
  });

  test("positions are dense from 1, over appends of every size", async () => {
    const { stream } = use();
    let next = 1;
    for (const size of [1, 2, 15, 16, 17, 33, 100]) {
      const events = sampleEvents(next, next + size - 1);
      expect(await stream.append(next - 1, events)).toMatchObject({ outcome: "appended" });
      next += size;
    }
    const events = await readAll(stream);
    expect(positionsOf(events)).toEqual(events.map((_, at) => at + 1));
    expect(events.map(({ id }) => id)).toEqual(events.map((_, at) => sampleId(at + 1)));
  });

  test("the answer's head is the last event", async () => {
    const { stream } = use();
    const result = await stream.append(0, sampleEvents(1, 20));
    const last = (await readAll(stream)).at(-1);
    expect(result).toEqual({ outcome: "appended", head: last && headOf(last) });
    expect(await stream.head()).toEqual(last && headOf(last));
  });

  test.each([0, 2, 4, 100])(
    "expecting %i at position 3 is a conflict and writes nothing",
    async (expected) => {
      const { stream } = use();
      await stream.append(0, sampleEvents(1, 3));
      const before = await stream.head();
      const body = { sha256: "b".repeat(64), bytes: new Uint8Array([1]) };
      expect(await stream.append(expected, sampleEvents(11, 12), [body])).toEqual({
        outcome: "conflict",
      });
      expect(await stream.head()).toEqual(before);
      expect((await stream.findByIds([sampleId(11)])).known.size).toBe(0);
      expect(await stream.body(body.sha256)).toBeNull();
    },
  );

  const repeats: readonly [string, readonly NewEvent[]][] = [
    ["an id of the stream", [...sampleEvents(10, 40), sampleEvent(2)]],
    ["an id twice in one append", [...sampleEvents(10, 40), sampleEvent(12)]],
  ];
  test.each(repeats)("%s is refused by name, and nothing is written", async (_, events) => {
    const { stream } = use();
    await stream.append(0, sampleEvents(1, 3));
    const repeated = stream.append(3, events, [
      { sha256: "c".repeat(64), bytes: new Uint8Array(1) },
    ]);
    await expect(repeated).rejects.toThrow(EventIdTaken);
    await expect(repeated).rejects.toThrow(events.at(-1)?.id);
    expect((await stream.head()).position).toBe(3);
    expect(await stream.body("c".repeat(64))).toBeNull();
    expect(await stream.append(3, sampleEvents(10, 11))).toMatchObject({ outcome: "appended" });
  });
}

function describeRaces(use: () => StreamFixture): void {
  test("of appends in flight at one position exactly one wins", async () => {
    const { stream, openAnother } = use();
    const streams = [stream, await openAnother(), await openAnother()];
    const racers = Array.from({ length: 30 }, (_, at) => {
      const racer = streams[at % streams.length] as EventStream;
      return racer.append(0, sampleEvents(100 * at + 1, 100 * at + 5));
    });
    const outcomes = (await Promise.all(racers)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === "appended")).toHaveLength(1);
    expect(await readAll(stream)).toHaveLength(5);
  });

  test("racing appenders that look again all get in, whole and once", async () => {
    const { stream, openAnother } = use();
    const streams = [stream, await openAnother(), await openAnother(), await openAnother()];
    await Promise.all(streams.map((each, at) => appendTen(each, 1000 * at)));
    const events = await readAll(stream);
    expect(positionsOf(events)).toEqual(Array.from({ length: 120 }, (_, at) => at + 1));
    expect(new Set(events.map(({ id }) => id)).size).toBe(120);
    for (let at = 0; at < events.length; at += 3) {
      const causes = events.slice(at, at + 3).map(({ causation_id }) => causation_id);
      expect(new Set(causes).size).toBe(1);
    }
  });
}

/** Ten appends of three events with one cause. */
async function appendTen(stream: EventStream, first: number): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    const number = first + 3 * round;
    const events = sampleEvents(number, number + 2).map((event) => ({
      ...event,
      causation_id: sampleId(number),
    }));
    for (;;) {
      const { position } = await stream.head();
      if ((await stream.append(position, events)).outcome === "appended") break;
    }
  }
}
