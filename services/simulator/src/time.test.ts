import { expect, test } from "@jest/globals";
import { epochMs, epochSeconds, isoTime, nsOfMs } from "./time.ts";

const AT_NS = 1_638_187_768_684_765_123n;

test("prints the digits each provider prints", () => {
  expect(isoTime(AT_NS, 3)).toBe("2021-11-29T12:09:28.684Z");
  expect(isoTime(AT_NS, 6)).toBe("2021-11-29T12:09:28.684765Z");
  expect(isoTime(AT_NS, 9)).toBe("2021-11-29T12:09:28.684765123Z");
  expect(isoTime(1_000_000_001n, 9)).toBe("1970-01-01T00:00:01.000000001Z");
});

test("cuts to the coarser units of the webhooks", () => {
  expect(epochMs(AT_NS)).toBe(1_638_187_768_684);
  expect(epochSeconds(AT_NS)).toBe(1_638_187_768);
});

test("takes fractions of a millisecond", () => {
  expect(nsOfMs(0.1)).toBe(100_000n);
  expect(nsOfMs(250)).toBe(250_000_000n);
});
