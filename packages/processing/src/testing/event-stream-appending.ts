import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { emptyHead, headOf } from "@counterfoil/core/stream/chain";
import { describe, expect, test } from "@jest/globals";
import { EventIdTaken } from "../ports/errors.ts";
import { BETWEEN_MAX, type EventStream, PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import { brokenAt, positionsOf, readAll, type StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvent, sampleEvents, sampleId } from "./sample-event.ts";

export function describeAppending(use: () => StreamFixture): void {
  describe("appending", () => {
    describeOutcomes(use);
    describeBehindOthers(use);
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

  test("an append of nothing records nothing, wherever the head is", async () => {
    const { stream } = use();
    const { head } = Object(await stream.append(0, sampleEvents(1, 3)));
    expect(await stream.append(3, [])).toEqual({ outcome: "appended", head });
    expect(await stream.head()).toEqual(head);
    expect(await stream.append(3, sampleEvents(4, 5))).toMatchObject({ outcome: "appended" });
    expect(brokenAt(await readAll(stream), use().harness)).toBeNull();
  });

  test("imported events keep their times of recording, which never fall", async () => {
    const { stream, clock } = use();
    const times = [5n, 7n, 7n, 2n];
    const imported = times.map((recorded_at, at) => ({ ...sampleEvent(at + 1), recorded_at }));
    await stream.append(0, imported);
    await stream.append(4, [sampleEvent(5)]);
    const recorded = (await readAll(stream)).map(({ recorded_at }) => recorded_at);
    expect(recorded).toEqual([5n, 7n, 7n, 7n, clock.now()]);
    expect(brokenAt(await readAll(stream), use().harness)).toBeNull();
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
    expect((await stream.bodies(["c".repeat(64)])).size).toBe(0);
    expect(await stream.append(3, sampleEvents(10, 11))).toMatchObject({ outcome: "appended" });
  });
}

function describeBehindOthers(use: () => StreamFixture): void {
  const facts = (...numbers: number[]) => new Set(numbers.map(sampleId));
  const about = (number: number, version = 1) => ({
    type: "FactSeen",
    about: sampleId(number),
    data: JSON.stringify({ event_id: sampleId(number), adds: {} }),
    schema_version: version,
  });

  test("unless about some facts, an append goes behind others' events", async () => {
    const { stream, openAnother, harness } = use();
    const other = await openAnother();
    await stream.append(0, sampleEvents(1, 3));
    await other.append(3, sampleEvents(11, 13));
    const body = { sha256: "d".repeat(64), bytes: new Uint8Array([1]) };
    const result = await stream.append(3, sampleEvents(21, 22), [body], facts(2, 21, 22));
    if (harness.isExact) return expect(result).toEqual({ outcome: "conflict" });
    const events = await readAll(stream);
    const last = events.at(-1);
    expect(result).toEqual({ outcome: "appended", head: last && headOf(last) });
    expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 11, 12, 13, 21, 22].map(sampleId));
    expect(brokenAt(events, harness)).toBeNull();
    expect(await stream.body(body.sha256)).toEqual(body.bytes);
    expect(await stream.append(8, sampleEvents(31, 31))).toMatchObject({ outcome: "appended" });
    expect(await other.append(9, sampleEvents(41, 41))).toMatchObject({ outcome: "appended" });
  });

  test.each([
    ["is one of them", sampleEvent(12), 3],
    ["is about one of them", sampleEvent(11, about(2)), 3],
    ["was written by a newer program", sampleEvent(11, about(1, 99)), 3],
    ["is beyond what is looked at", sampleEvent(11), 1],
  ])("but not where one of these %s", async (_, between, expected) => {
    const { stream, openAnother } = use();
    const other = await openAnother();
    await stream.append(0, sampleEvents(1, 3));
    await other.append(3, [sampleEvent(10), between]);
    if (expected === 1) await other.append(5, sampleEvents(100, 100 + BETWEEN_MAX));
    const before = await stream.head();
    const body = { sha256: "e".repeat(64), bytes: new Uint8Array([1]) };
    const appending = stream.append(expected, sampleEvents(21, 22), [body], facts(2, 12, 21, 22));
    expect(await appending).toEqual({ outcome: "conflict" });
    expect(await stream.head()).toEqual(before);
    expect(await stream.body(body.sha256)).toBeNull();
    const { position } = before;
    expect(await stream.append(position, sampleEvents(21, 22))).toMatchObject({
      outcome: "appended",
    });
  });

  test("nor where they are so long that a page does not hold them all", async () => {
    const { stream, openAnother } = use();
    const other = await openAnother();
    await stream.append(0, sampleEvents(1, 3));
    const data = JSON.stringify({ note: "x".repeat(Math.ceil(PAGE_BYTES_MAX / 8)) });
    for (let at = 3; at < 12; at += 1) await other.append(at, [sampleEvent(100 + at, { data })]);
    await other.append(12, [sampleEvent(11, about(2))]);
    const appending = stream.append(3, sampleEvents(21, 22), [], facts(2, 21, 22));
    expect(await appending).toEqual({ outcome: "conflict" });
    expect((await stream.head()).position).toBe(13);
  });

  test("nor before the position that was expected", async () => {
    const { stream } = use();
    await stream.append(0, sampleEvents(1, 3));
    expect(await stream.append(4, sampleEvents(21, 22), [], facts())).toEqual({
      outcome: "conflict",
    });
  });

  test("an id of the stream is refused by name behind others' events too", async () => {
    const { stream, openAnother, harness } = use();
    const other = await openAnother();
    await stream.append(0, sampleEvents(1, 3));
    await other.append(3, sampleEvents(11, 13));
    if (harness.isExact) return;
    const repeated = stream.append(3, [sampleEvent(21), sampleEvent(1)], [], facts(21));
    await expect(repeated).rejects.toThrow(EventIdTaken);
    expect((await other.head()).position).toBe(6);
    expect(await other.append(6, sampleEvents(31, 31))).toMatchObject({ outcome: "appended" });
    expect(await stream.append(7, sampleEvents(41, 41))).toMatchObject({ outcome: "appended" });
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
