import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  epochMs,
  epochSeconds,
  formatAmount,
  isoTime,
  multiplyAmounts,
  nsOfMs,
  parseAmount,
  truncateAmount,
  unitOf,
} from "./exact.ts";

describe("amounts", () => {
  test.each([
    [".25", "0.25"],
    ["0", "0"],
    ["-0.10000000", "-0.1"],
    ["1360000", "1360000"],
    ["5.", "5"],
    ["0.00000000000000000000001", "0.00000000000000000000001"],
  ])("reads %s as %s", (text, printed) => {
    expect(formatAmount(parseAmount(text))).toBe(printed);
  });

  test.each(["", ".", "-", "1e3", "0x1", "1.2.3", `0.${"1".repeat(25)}`])("refuses %p", (text) => {
    expect(() => parseAmount(text)).toThrow(RangeError);
  });

  test("pads to the places asked for", () => {
    expect(formatAmount(parseAmount("0.2"), 8)).toBe("0.20000000");
    expect(formatAmount(0n, 2)).toBe("0.00");
    expect(formatAmount(parseAmount("0.123"), 2)).toBe("0.123");
  });

  test("prints what it reads, whatever the size", () => {
    const digits = fc.bigInt({ min: -(10n ** 45n), max: 10n ** 45n });
    fc.assert(fc.property(digits, (amount) => parseAmount(formatAmount(amount)) === amount));
  });

  test("truncates towards zero", () => {
    expect(formatAmount(truncateAmount(parseAmount("1.239"), 2))).toBe("1.23");
    expect(formatAmount(truncateAmount(parseAmount("-1.239"), 2))).toBe("-1.23");
    expect(formatAmount(unitOf(18))).toBe("0.000000000000000001");
  });

  test.each([
    ["1", "0.125", "0.12"],
    ["1", "0.135", "0.14"],
    ["3", "0.045001", "0.14"],
    ["0.00015", "81531.3718539524991138", "12.23"],
  ])("%s × %s rounds half to even: %s", (quantity, price, product) => {
    expect(formatAmount(multiplyAmounts(parseAmount(quantity), parseAmount(price), 2))).toBe(
      product,
    );
  });
});

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
