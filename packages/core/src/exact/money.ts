import { Decimal } from "decimal.js";

/**
 * Exact amounts. The library rounds to 20 significant digits unless told otherwise, and Layer1
 * prints 23 decimals; so this file sets a precision that no amount we accept can reach and is the
 * only one that imports it. A binary floating-point number never holds money.
 */
const Exact = Decimal.clone({
  precision: 3000,
  toExpNeg: -9e15,
  toExpPos: 9e15,
  maxE: 9e15,
  minE: -9e15,
});

export type Money = Decimal;

/** Digits before and after the point that an amount may have once its exponent is written out. */
const DIGITS_MAX = 1000;

const AMOUNT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/;

/**
 * Parses a printed amount: `"0.20000000"`, `".25"`, `"5."`, `"-0.1"`, `"1e-7"`, `"+3"`.
 *
 * @returns the exact amount; null if it is not an amount, or has more than 1,000 digits on a side
 *   of the point (`1e1000000` is refused before it costs memory).
 */
export function parseMoney(printed: string): Money | null {
  const match = AMOUNT.exec(printed);
  if (match === null) return null;
  const [, , integer = "", fraction = "", exponent = "0"] = match;
  if (integer === "" && fraction === "") return null;
  const shift = Number(exponent);
  if (integer.length + Math.max(shift, 0) > DIGITS_MAX) return null;
  if (fraction.length + Math.max(-shift, 0) > DIGITS_MAX) return null;
  return new Exact(printed.startsWith("+") ? printed.slice(1) : printed);
}

/** Parses the amount of a fact or a row, which was written by `formatMoney`. */
export function moneyOf(stored: string): Money {
  return new Exact(stored);
}

/** Parses a stored amount that may be absent; null if it is. */
export const moneyIn = (stored: unknown): Money | null =>
  typeof stored === "string" ? moneyOf(stored) : null;

export const ZERO: Money = new Exact(0);

/** Formats an amount without exponent, trailing zeros or negative zero: `"0.45"`, `"0"`. */
export function formatMoney(amount: Money): string {
  return amount.isZero() ? "0" : amount.toFixed();
}

export const add = (a: Money, b: Money): Money => a.plus(b);
export const subtract = (a: Money, b: Money): Money => a.minus(b);
export const absolute = (a: Money): Money => a.abs();
export const equals = (a: Money, b: Money): boolean => a.equals(b);

/** Compares amounts that may be unknown: two unknown amounts are the same. */
export function isSameMoney(a: Money | null | undefined, b: Money | null | undefined): boolean {
  return !a || !b ? !a === !b : a === b || a.equals(b);
}

/** |a − b| ≤ tolerance. */
export function within(a: Money, b: Money, tolerance: Money): boolean {
  return a.minus(b).abs().lessThanOrEqualTo(tolerance);
}

/** Less than 0 if the first stored amount is smaller. */
export const compareAmounts = (a: string, b: string): number => moneyOf(a).comparedTo(moneyOf(b));
