import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  absolute,
  add,
  equals,
  formatMoney,
  type Money,
  moneyOf,
  parseMoney,
  subtract,
  within,
} from "./money.ts";

const readable = (printed: string): string | null => {
  const money = parseMoney(printed);
  return money === null ? null : formatMoney(money);
};

const money = (printed: string): Money => {
  const read = parseMoney(printed);
  if (read === null) throw new Error(`not an amount: ${printed}`);
  return read;
};

/** An exact amount without decimal.js: `units` of 10^-`scale`. */
type Scaled = Readonly<{ units: bigint; scale: number }>;

const scaled: fc.Arbitrary<Scaled> = fc.record({
  units: fc.bigInt({ min: -(10n ** 53n), max: 10n ** 53n }),
  scale: fc.nat(23),
});

function printedOf({ units, scale }: Scaled): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const at = digits.length - scale;
  return `${units < 0n ? "-" : ""}${digits.slice(0, at)}${scale > 0 ? "." : ""}${digits.slice(at)}`;
}

/** A second implementation of the format of amounts. */
function normal(amount: Scaled): string {
  const printed = printedOf(amount);
  const short = printed.includes(".") ? printed.replace(/\.?0*$/, "") : printed;
  return short === "-0" ? "0" : short;
}

const SCALE = 23;
const unitsOf = ({ units, scale }: Scaled): bigint => units * 10n ** BigInt(SCALE - scale);
const exactly = (units: bigint): string => normal({ units, scale: SCALE });

describe("amounts against scaled integers", () => {
  test("parse and format", () => {
    fc.assert(
      fc.property(scaled, (amount) => {
        expect(readable(printedOf(amount))).toBe(normal(amount));
        expect(formatMoney(moneyOf(normal(amount)))).toBe(normal(amount));
      }),
    );
  });

  test("add and subtract", () => {
    fc.assert(
      fc.property(scaled, scaled, (a, b) => {
        const [x, y] = [money(printedOf(a)), money(printedOf(b))];
        expect(formatMoney(add(x, y))).toBe(exactly(unitsOf(a) + unitsOf(b)));
        expect(formatMoney(subtract(x, y))).toBe(exactly(unitsOf(a) - unitsOf(b)));
        expect(equals(x, y)).toBe(unitsOf(a) === unitsOf(b));
        expect(formatMoney(absolute(x)).startsWith("-")).toBe(false);
        expect(equals(subtract(add(x, y), y), x)).toBe(true);
      }),
    );
  });

  test("within is |a − b| ≤ tolerance", () => {
    fc.assert(
      fc.property(scaled, fc.bigInt({ min: -3n, max: 3n }), (a, steps) => {
        const b = { units: unitsOf(a) + steps, scale: SCALE };
        const tolerance = money("2e-23");
        const isNear = steps >= -2n && steps <= 2n;
        expect(within(money(printedOf(a)), money(printedOf(b)), tolerance)).toBe(isNear);
      }),
    );
  });
});

describe("what providers print", () => {
  test.each([
    [".25", "0.25"],
    [".00032", "0.00032"],
    ["5.", "5"],
    ["-.5", "-0.5"],
    ["+3", "3"],
    ["-0", "0"],
    ["-0.00", "0"],
    ["0.20000000", "0.2"],
    ["10.00", "10"],
    ["007", "7"],
    ["0.00", "0"],
    ["1360000", "1360000"],
    ["0.00000000000000028125", "0.00000000000000028125"],
    ["0.20023465367578112345678", "0.20023465367578112345678"],
    ["999999999999999999999999999999.99999999999999999999999"],
    ["1e-7", "0.0000001"],
    ["1E3", "1000"],
    ["1.5e+2", "150"],
    ["-25e-1", "-2.5"],
    ["0e5", "0"],
    ["9".repeat(400)],
    [`${"1".repeat(1000)}.${"1".repeat(1000)}`],
  ])("%s", (printed, expected = printed) => {
    expect(readable(printed)).toBe(expected);
  });

  test.each([
    "",
    " ",
    ".",
    "-",
    "+.",
    "abc",
    "1,000",
    "1 000",
    " 1",
    "1\n",
    "1_000",
    "--1",
    "+-1",
    "1-",
    "1.2.3",
    "1e",
    "e5",
    "1e5.5",
    "1e1e1",
    "0x10",
    "0b1",
    "Infinity",
    "-Infinity",
    "NaN",
    "null",
    "$5",
    "٣",
    "１２",
    "−5",
    "1e1000000",
    "1e-1000000",
    "1e999999999999",
    "9".repeat(1001),
    `0.${"9".repeat(1001)}`,
  ])("%j is no amount", (printed) => {
    expect(parseMoney(printed)).toBeNull();
  });

  test("no text throws, and what is read is read the same again", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9.eE]{0,12}$/));
    fc.assert(
      fc.property(text, (printed) => {
        const read = readable(printed);
        if (read !== null) expect(readable(read)).toBe(read);
      }),
      { numRuns: 1000 },
    );
  });
});
