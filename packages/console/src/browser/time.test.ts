import { formatTime, parseTime } from "@counterfoil/core/exact/time";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nanosOf } from "./time.ts";

/** 0, 3, 6 or 9 digits of a fraction. */
const time = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 7_000_000_000n }),
    fc.constantFrom(1n, 1_000n, 1_000_000n, 1_000_000_000n),
    fc.bigInt({ min: 0n, max: 999_999_999n }),
  )
  .map(([seconds, unit, nanos]) => seconds * 1_000_000_000n + nanos - (nanos % unit));

describe("a time of the service", () => {
  test("is read to the nanosecond", () => {
    fc.assert(fc.property(time, (nanos) => expect(nanosOf(formatTime(nanos))).toBe(nanos)));
  });

  test.each([
    "2026-03-01T10:00:40.118Z",
    "2026-03-01T10:00:40.1Z",
    "2026-03-01t10:00:40z",
    "2026-03-01T10:00:40.123456789+02:00",
    "2026-03-01T10:00:40-0530",
  ])("is read as the service reads it: %s", (text) => {
    expect(nanosOf(text)).toBe(parseTime(text));
    expect(nanosOf(text)).not.toBeNull();
  });

  test.each(["", "yesterday", "2026-03-01", "2026-03-01T10:00:40", "2026-13-01T10:00:40Z"])(
    "is null if it is none: %j",
    (text) => {
      expect(nanosOf(text)).toBeNull();
    },
  );
});
