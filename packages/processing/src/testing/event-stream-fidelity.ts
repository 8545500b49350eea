import { describe, expect, test } from "@jest/globals";
import { brokenAt, readAll, type StreamFixture } from "./event-stream-fixture.ts";
import { sampleEvent, sampleEvents } from "./sample-event.ts";

/** Bytes that a well-meaning engine might change: parse, sort, trim, normalise or round. */
const DATA: readonly [string, string][] = [
  ["key order and spaces", '{ "b" : 1 ,"a":2,\n\t"a ":3 }  '],
  ["numbers beyond a double", '{"n":12345678901234567890.123456789012345678901234567890,"e":1E+2}'],
  ["escapes", '{"a":"\\u0041\\/\\n\\u0000\\ud83d\\ude00","\\u007f":"\\\\"}'],
  ["unicode", '{"ä":"e\u0301 é 漢字 😀 \u2028\u2029\ufeff \uffff"}'],
  ["repeated keys", '{"a":1,"a":2}'],
  ["no object", "null"],
  ["quotes of SQL", `{"a":"'; DROP TABLE events; -- $1 ? :a"}`],
];

export function describeFidelity(use: () => StreamFixture): void {
  describe("fidelity", () => {
    test.each(DATA)("data is kept byte for byte: %s", async (_, data) => {
      const { stream } = use();
      await stream.append(0, [sampleEvent(1, { data })]);
      expect((await readAll(stream))[0]?.data).toBe(data);
    });

    test("20 MB of data go through one append, or as much as the engine takes", async () => {
      const { stream, harness } = use();
      const bytes = harness.appendBytesMax ?? 21_000_000;
      // "€uro" has six bytes, and what stands beside the data less than a thousand.
      const text = "€uro".repeat(Math.floor((bytes / 20 - 1000) / 6));
      const events = sampleEvents(1, 20).map((event, at) => ({
        ...event,
        data: `{"text":"${text}","at":${at}}`,
      }));
      await stream.append(0, events);
      const read = await readAll(stream);
      // Compared by hand: a difference of a megabyte is of no use in a report.
      expect(read.map(({ data }, at) => data === events[at]?.data)).toEqual(events.map(() => true));
    });

    test("every other field is kept", async () => {
      const { stream } = use();
      const events = [
        sampleEvent(1),
        sampleEvent(2, { occurred_at: null, causation_id: null, correlation_id: "ünï\"'\\" }),
        sampleEvent(3, { occurred_at: 0n, schema_version: 7, subject: "run:漢字 😀" }),
        sampleEvent(4, { occurred_at: 9_007_199_254_740_993n }),
        sampleEvent(5, { occurred_at: 7_289_654_399_999_999_999n }),
      ];
      await stream.append(0, events);
      const expected = events.map(({ about: _, ...event }) => event);
      expect(await readAll(stream)).toMatchObject(expected);
    });

    test("the chain recomputed from what is read is the stored one", async () => {
      const { stream, harness } = use();
      await stream.append(0, sampleEvents(1, 40));
      await stream.append(
        40,
        DATA.map(([, data], at) => sampleEvent(41 + at, { data, occurred_at: null })),
      );
      const events = await readAll(stream);
      expect(events).toHaveLength(40 + DATA.length);
      expect(brokenAt(events, harness)).toBeNull();
    });

    test("the time of recording is the clock's, to the nanosecond, and never falls", async () => {
      const { stream, clock } = use();
      const times = [
        1_700_000_000_000_000_123n,
        1_600_000_000_000_000_000n,
        1_700_000_000_000_000_456n,
      ];
      for (const [at, time] of times.entries()) {
        clock.set(time);
        await stream.append(at, [sampleEvent(at + 1)]);
      }
      const recorded = (await readAll(stream)).map(({ recorded_at }) => recorded_at);
      expect(recorded).toEqual([times[0], times[0], times[2]]);
    });

    test("another instance finds everything", async () => {
      const { stream, openAnother } = use();
      await stream.append(0, sampleEvents(1, 50));
      const before = await readAll(stream);
      await stream.close();
      const reopened = await openAnother();
      expect(await readAll(reopened)).toEqual(before);
      expect(await reopened.append(50, [sampleEvent(51)])).toMatchObject({ outcome: "appended" });
    });
  });
}
