import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  agreedTime,
  formatDuration,
  formatTime,
  isTruncationOf,
  MILLISECOND,
  type Nanos,
  parseTime,
  SECOND,
  timeOf,
} from "./time.ts";

const readable = (printed: string): string | null => {
  const time = parseTime(printed);
  return time === null ? null : formatTime(time);
};

const LAST = BigInt(Date.UTC(2201, 0, 1)) * MILLISECOND - 1n;
const nanos = fc.bigInt({ min: 0n, max: LAST });

describe("parseTime", () => {
  test.each([
    // Seconds, milli-, micro- and nanoseconds are distinguished by size.
    ["0", "1970-01-01T00:00:00Z"],
    ["1743593652", "2025-04-02T11:34:12Z"],
    ["1746112989822", "2025-05-01T15:23:09.822Z"],
    ["1746112989822123", "2025-05-01T15:23:09.822123Z"],
    ["1750404905186631445", "2025-06-20T07:35:05.186631445Z"],
    ["7289654399", "2200-12-31T23:59:59Z"],
    ["7289654399999", "2200-12-31T23:59:59.999Z"],
    ["7289654399999999999", "2200-12-31T23:59:59.999999999Z"],
    // ISO with 0 to 9 fraction digits.
    ["2024-06-05T20:39:24Z", "2024-06-05T20:39:24Z"],
    ["2024-06-05T20:39:24.1Z", "2024-06-05T20:39:24.100Z"],
    ["2024-06-05T20:39:24.12Z", "2024-06-05T20:39:24.120Z"],
    ["2024-06-05T20:39:19.454Z", "2024-06-05T20:39:19.454Z"],
    ["2024-06-05T20:39:19.4541Z", "2024-06-05T20:39:19.454100Z"],
    ["2024-06-05T20:39:19.45412Z", "2024-06-05T20:39:19.454120Z"],
    ["2021-11-29T12:37:06.534066Z", "2021-11-29T12:37:06.534066Z"],
    ["2024-06-05T20:39:19.6025869Z", "2024-06-05T20:39:19.602586900Z"],
    ["2024-06-05T20:39:19.60258698Z", "2024-06-05T20:39:19.602586980Z"],
    ["2024-06-05T20:39:19.602586984Z", "2024-06-05T20:39:19.602586984Z"],
    ["2024-06-05T20:39:19.000000000Z", "2024-06-05T20:39:19Z"],
    ["2024-06-05t20:39:19z", "2024-06-05T20:39:19Z"],
    ["2024-06-05 20:39:19Z", "2024-06-05T20:39:19Z"],
    // Zones.
    ["2024-06-05T20:39:19+00:00", "2024-06-05T20:39:19Z"],
    ["2024-06-05T20:39:19-00:00", "2024-06-05T20:39:19Z"],
    ["2024-06-05T20:39:19+05:30", "2024-06-05T15:09:19Z"],
    ["2024-06-05T20:39:19.5-0800", "2024-06-06T04:39:19.500Z"],
    ["1969-12-31T23:30:00-01:00", "1970-01-01T00:30:00Z"],
    ["2201-01-01T00:30:00+01:00", "2200-12-31T23:30:00Z"],
    // The calendar, and a leap second, which ends in the second after it.
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"],
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"],
    ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
    ["2200-12-31T23:59:59.999999999Z", "2200-12-31T23:59:59.999999999Z"],
  ])("%s", (printed, expected) => {
    expect(readable(printed)).toBe(expected);
  });

  test.each([
    ["nothing", ""],
    ["a word", "yesterday"],
    ["a sign", "-1"],
    ["a fraction of an epoch", "1743593652.5"],
    ["an exponent", "1.7e9"],
    ["20 digits", "17504049051866314450"],
    ["seconds after 2200", "7289654400"],
    ["milliseconds after 2200", "7289654400000"],
    ["nanoseconds after 2200", "7289654400000000000"],
    ["1969", "1969-12-31T23:59:59.999999999Z"],
    ["1969 by its zone", "1970-01-01T00:30:00+01:00"],
    ["2201", "2201-01-01T00:00:00Z"],
    ["2201 by its zone", "2200-12-31T23:30:00-01:00"],
    ["the year 99999", "99999-01-01T00:00:00Z"],
    ["the year +002024", "+002024-01-01T00:00:00Z"],
    ["the year 99", "0099-06-05T20:39:19Z"],
    ["the year 71", "0071-06-05T20:39:19Z"],
    ["no zone", "2024-06-05T20:39:19"],
    ["a date alone", "2024-06-05"],
    ["10 fraction digits", "2024-06-05T20:39:19.6025869841Z"],
    ["a point without digits", "2024-06-05T20:39:19.Z"],
    ["a comma", "2024-06-05T20:39:19,5Z"],
    ["month 0", "2024-00-05T20:39:19Z"],
    ["month 13", "2024-13-05T20:39:19Z"],
    ["day 0", "2024-06-00T20:39:19Z"],
    ["31 June", "2024-06-31T20:39:19Z"],
    ["29 February 2023", "2023-02-29T20:39:19Z"],
    ["29 February 2100", "2100-02-29T20:39:19Z"],
    ["hour 24", "2024-06-05T24:00:00Z"],
    ["minute 60", "2024-06-05T20:60:19Z"],
    ["second 61", "2024-06-05T20:39:61Z"],
    ["zone +24:00", "2024-06-05T20:39:19+24:00"],
    ["zone +01:60", "2024-06-05T20:39:19+01:60"],
    ["a named zone", "2024-06-05T20:39:19 UTC"],
    ["spaces", " 2024-06-05T20:39:19Z"],
    ["a line feed", "2024-06-05T20:39:19Z\n"],
    ["other digits", "２０２４-06-05T20:39:19Z"],
  ])("%s is no time", (_what, printed) => {
    expect(parseTime(printed)).toBeNull();
  });

  test("nanoseconds beyond 2^53 are exact, in every unit", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n ** 18n, max: LAST }), (time) => {
        expect(parseTime(String(time))).toBe(time);
        expect(parseTime(String(time / 1000n))).toBe(time - (time % 1000n));
        expect(parseTime(String(time / MILLISECOND))).toBe(time - (time % MILLISECOND));
        expect(parseTime(String(time / SECOND))).toBe(time - (time % SECOND));
      }),
    );
  });

  test("no text throws", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9TZ:.]{0,36}$/));
    fc.assert(
      fc.property(text, (printed) => void parseTime(printed)),
      { numRuns: 1000 },
    );
  });
});

describe("formatTime", () => {
  test("is read back to the nanosecond, by parseTime and by timeOf", () => {
    fc.assert(
      fc.property(nanos, fc.constantFrom(1n, 1000n, MILLISECOND, SECOND), (time, unit) => {
        const cut = time - (time % unit);
        expect(parseTime(formatTime(cut))).toBe(cut);
        expect(timeOf(formatTime(cut))).toBe(cut);
      }),
      { numRuns: 500 },
    );
  });

  test("agrees with Date to the millisecond", () => {
    fc.assert(
      fc.property(nanos, (time) => {
        const ms = time / MILLISECOND;
        const iso = new Date(Number(ms)).toISOString().replace(".000Z", "Z");
        expect(formatTime(ms * MILLISECOND)).toBe(iso);
      }),
    );
  });

  test("holds 0, 3, 6 or 9 fraction digits", () => {
    expect([0n, 100_000_000n, 120n * 1000n, 7n].map((rest) => formatTime(SECOND + rest))).toEqual([
      "1970-01-01T00:00:01Z",
      "1970-01-01T00:00:01.100Z",
      "1970-01-01T00:00:01.000120Z",
      "1970-01-01T00:00:01.000000007Z",
    ]);
  });
});

describe("agreedTime", () => {
  /** Times as several channels print one of two: whole, or truncated to µs, ms or s. */
  const printings = fc
    .tuple(
      fc.array(fc.bigInt({ min: 10n ** 18n, max: 10n ** 18n + 3n * SECOND }), { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(2), fc.constantFrom(1n, 1000n, MILLISECOND, SECOND))),
    )
    .map(([times, copies]) => {
      const cut = copies.map(([at, unit]) => {
        const time = times[at % Math.max(times.length, 1)] ?? 10n ** 18n;
        return time - (time % unit);
      });
      return [...times, ...cut];
    });

  const shuffled = (times: readonly Nanos[]) =>
    fc.shuffledSubarray([...times], { minLength: times.length });

  test.each([
    ["none", [], null],
    ["one", [5n], 5n],
    ["the webhook's ms and the feed's µs", [1_534_000_000n, 1_534_066_000n], 1_534_066_000n],
    [
      "seconds, ms and µs of one time",
      [1n * SECOND, 1_534_000_000n, 1_534_066_000n],
      1_534_066_000n,
    ],
    ["two that are not one: the earlier", [1_534_066_001n, 1_534_066_000n + 7n], 1_534_066_001n],
    [
      "a coarse time that is not a cut of the fine one",
      [2n * SECOND, 1_534_000_000n],
      1_534_000_000n,
    ],
  ])("%s", (_what, times: readonly Nanos[], expected) => {
    expect(agreedTime(times)).toBe(expected);
  });

  test("is a function of the set: order and repeats say nothing", () => {
    fc.assert(
      fc.property(
        printings.chain((times) => fc.tuple(fc.constant(times), shuffled(times))),
        ([times, others]) => {
          const agreed = agreedTime(times);
          expect(agreedTime(others)).toBe(agreed);
          expect(agreedTime([...times, ...others])).toBe(agreed);
          if (agreed !== null) expect(agreedTime([...times, agreed])).toBe(agreed);
        },
      ),
    );
  });

  test("is one of the times, no truncation of another, and the earliest of those", () => {
    fc.assert(
      fc.property(printings, (times) => {
        const agreed = agreedTime(times);
        if (agreed === null) return expect(times).toEqual([]);
        const full = times.filter((time) => !times.some((other) => isTruncationOf(time, other)));
        expect(full).toContain(agreed);
        expect(full.every((time) => time >= agreed)).toBe(true);
      }),
    );
  });
});

describe("formatDuration", () => {
  test.each([
    [0n, "0 nanoseconds"],
    [1n, "a nanosecond"],
    [20n * MILLISECOND, "20 milliseconds"],
    [SECOND, "a second"],
    [59n * SECOND, "a minute"],
    [3600n * SECOND, "an hour"],
    [36n * 3600n * SECOND, "2 days"],
    [7n * 86_400n * SECOND - 1n, "a week"],
    [15n * 86_400n * SECOND, "2 weeks"],
  ])("%s is %s", (nanos, text) => {
    expect(formatDuration(nanos)).toBe(text);
  });
});
