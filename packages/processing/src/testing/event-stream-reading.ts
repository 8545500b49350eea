import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import { type EventStream, PAGE_BYTES_MAX, type ReadQuery } from "../ports/event-stream.ts";
import { positionsOf, readAll, type StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvent, sampleEvents } from "./sample-event.ts";

/** Types of which there are many, and those that are few, in turns. */
const TYPES = ["MovementRecorded", "FactSeen", "BalanceReported", "ModelActivated", "FactSeen"];

export function describeReading(use: () => StreamFixture): void {
  describe("reading", () => {
    test.each([
      { after: 0, limit: 3, expected: [1, 2, 3] },
      { after: 7, limit: 100, expected: [8, 9, 10] },
      { after: 10, limit: 5, expected: [] },
      { after: 99, limit: 5, expected: [] },
      { after: 4, limit: 1, expected: [5] },
      { after: 2, upTo: 4, limit: 5, expected: [3, 4] },
      { after: 2, upTo: 2, limit: 5, expected: [] },
      { after: 0, limit: 3, order: "desc", expected: [10, 9, 8] },
      { after: 7, limit: 100, order: "desc", expected: [10, 9, 8] },
      { after: 2, upTo: 6, limit: 2, order: "desc", expected: [6, 5] },
      { after: 0, upTo: 2, limit: 5, order: "desc", expected: [2, 1] },
      { after: 0, upTo: 99, limit: 1, order: "desc", expected: [10] },
      { after: 4, upTo: 4, limit: 5, order: "desc", expected: [] },
      { after: 0, upTo: 0, limit: 5, order: "desc", expected: [] },
      { after: 10, limit: 5, order: "desc", expected: [] },
      { after: 99, limit: 5, order: "desc", expected: [] },
      { after: Number.MIN_SAFE_INTEGER, upTo: 0, limit: 5, order: "desc", expected: [] },
      { after: Number.MIN_SAFE_INTEGER, upTo: 2, limit: 5, order: "desc", expected: [2, 1] },
    ] as const)(
      "at most $limit after $after up to $upTo $order",
      async ({ expected, ...query }) => {
        const { stream } = use();
        await stream.append(0, sampleEvents(1, 10));
        expect(positionsOf(await stream.read(query))).toEqual(expected);
      },
    );

    test("at positions, those that are there, in order and by pages", async () => {
      const { stream } = use();
      expect(await stream.readAt([1])).toEqual([]);
      await stream.append(0, sampleEvents(1, 700));
      const all = await readAll(stream);
      const wanted = [1, 2, 300, 699, 700];
      expect(await stream.readAt([...wanted, 701, 9000])).toEqual(
        wanted.map((position) => all[position - 1]),
      );
      expect(await stream.readAt([])).toEqual([]);
    });

    test("at positions of long events, as many as a page holds", async () => {
      const { stream } = use();
      const data = JSON.stringify({ text: "x".repeat(PAGE_BYTES_MAX / 5) });
      const long = sampleEvents(1, 8).map((event) => ({ ...event, data }));
      for (const [at, event] of long.entries()) await stream.append(at, [event]);
      const page = await stream.readAt([1, 3, 4, 5, 6, 8]);
      expect(positionsOf(page)).toEqual([1, 3, 4, 5, 6]);
    });

    test("backwards, events are the same as forwards, hash and all", async () => {
      const { stream } = use();
      expect(await stream.read({ after: 0, limit: 5, order: "desc" })).toEqual([]);
      await stream.append(0, sampleEvents(1, 1300));
      const all = await readAll(stream);
      const found = await stream.read({ after: 0, limit: 1250, order: "desc" });
      expect(found).toEqual(all.slice(50).reverse());
    });

    test("paging meets every event once, also while the stream grows", async () => {
      const { stream } = use();
      await stream.append(0, sampleEvents(1, 95));
      const pages: RecordedEvent[] = [];
      for (let after = 0; ; after = pages.length) {
        const page = await stream.read({ after, limit: 10 });
        if (page.length === 0) break;
        pages.push(...page);
        if (pages.length === 50) await stream.append(95, sampleEvents(96, 107));
      }
      expect(pages).toEqual(await readAll(stream));
      expect(pages).toHaveLength(107);
    });

    test.each([
      ["all", undefined],
      ["types with an index", ["FactSeen", "ModelActivated"]],
      ["types without", ["MovementRecorded", "FactSeen"]],
    ])(
      "a page of long events is bounded by its bytes, and none is missed: %s",
      async (_, types) => {
        const { stream } = use();
        await appendLong(stream, LONG_EVENTS);
        const expected = Array.from({ length: LONG_EVENTS }, (_, at) => at + 1).filter(
          (position) => types === undefined || types.includes(typeAt(position)),
        );
        const ofTypes = types === undefined ? {} : { types };
        const pages = await pagesOf(stream, { after: 0, limit: 1000, ...ofTypes });
        expect(pages.flatMap(positionsOf)).toEqual(expected);
        expect(pages.length).toBeGreaterThan(1);
        const backwards = await pagesBackwards(stream, { after: 0, limit: 1000, ...ofTypes });
        expect(backwards.flatMap(positionsOf)).toEqual(expected.toReversed());
        expect(backwards.length).toBeGreaterThan(1);
        for (const page of [...pages, ...backwards]) {
          const bytes = page.slice(0, -1).reduce((sum, { data }) => sum + data.length, 0);
          expect(bytes).toBeLessThan(PAGE_BYTES_MAX);
        }
      },
    );

    test("a body read from an earlier page does not change with the stream", async () => {
      const { stream } = use();
      await stream.append(0, sampleEvents(1, 5));
      const before = await readAll(stream);
      await stream.append(5, sampleEvents(6, 10));
      expect((await readAll(stream)).slice(0, 5)).toEqual(before);
    });

    test.each([
      [["FactSeen"]],
      [["ModelActivated", "FactSeen"]],
      [["FactSeen", "FactSeen"]],
      [["MovementRecorded"]],
      [["MovementRecorded", "ModelActivated"]],
      [["BalanceReported", "NeverHeardOf"]],
      [["NeverHeardOf"]],
      [[]],
      [["'); DROP TABLE events; --"]],
    ])("of the types %j", async (types) => {
      const { stream } = use();
      await appendInTurns(stream, 60);
      const all = await readAll(stream);
      for (const [after, limit] of [
        [0, 1000],
        [0, 7],
        [13, 7],
        [59, 7],
        [60, 7],
      ] as const) {
        const expected = all.slice(after).filter(({ type }) => types.includes(type));
        expect(await stream.read({ after, limit, types })).toEqual(expected.slice(0, limit));
        const upTo = 50;
        const backwards = { after, upTo, limit, types, order: "desc" } as const;
        const before = expected.filter(({ position }) => position <= upTo).reverse();
        expect(await stream.read(backwards)).toEqual(before.slice(0, limit));
      }
    });
  });
}

const LONG_EVENTS = 60;
/** What the longest fact of a webhook takes. In Greek a text takes twice the bytes of its length. */
const LONG = "α".repeat(150_000);
const typeAt = (position: number): string => TYPES[(position - 1) % TYPES.length] as string;

async function appendLong(stream: EventStream, count: number): Promise<void> {
  for (let at = 1; at <= count; at += 1) {
    const data = JSON.stringify({ movement_id: `m${at}`, note: LONG });
    await stream.append(at - 1, [sampleEvent(at, { type: typeAt(at), data })]);
  }
}

async function pagesOf(stream: EventStream, query: ReadQuery): Promise<RecordedEvent[][]> {
  const pages: RecordedEvent[][] = [];
  for (let { after } = query; ; ) {
    const page = await stream.read({ ...query, after });
    const last = page.at(-1);
    if (last === undefined) return pages;
    pages.push([...page]);
    after = last.position;
  }
}

async function pagesBackwards(stream: EventStream, query: ReadQuery): Promise<RecordedEvent[][]> {
  const pages: RecordedEvent[][] = [];
  for (let before = {}; ; ) {
    const page = await stream.read({ ...query, ...before, order: "desc" });
    const last = page.at(-1);
    if (last === undefined) return pages;
    pages.push([...page]);
    before = { upTo: last.position - 1 };
  }
}

async function appendInTurns(stream: EventStream, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, at) =>
    sampleEvent(at + 1, { type: TYPES[at % TYPES.length] as string }),
  );
  await stream.append(0, events);
}
