/**
 * An exact amount of money in units of 10^-24. One scale holds everything both providers print:
 * Zero Hash has up to 18 decimals, Layer1 up to 23.
 */
export type Amount = bigint;

const AMOUNT_DECIMALS = 24;

const ONE = 10n ** BigInt(AMOUNT_DECIMALS);

/** Reads a plain decimal such as "12.5", ".25" or "-0.1000". */
export function parseAmount(text: string): Amount {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text);
  const whole = match?.[2] ?? "";
  const fraction = match?.[3] ?? "";
  if (match === null || whole + fraction === "" || fraction.length > AMOUNT_DECIMALS) {
    throw new RangeError(`not a decimal of at most ${AMOUNT_DECIMALS} places: "${text}"`);
  }
  const units = BigInt(whole + fraction.padEnd(AMOUNT_DECIMALS, "0"));
  return match[1] === "-" ? -units : units;
}

/** Prints without an exponent or trailing zeros, yet with at least `decimalsMin` places. */
export function formatAmount(amount: Amount, decimalsMin = 0): string {
  const sign = amount < 0n ? "-" : "";
  const digits = (amount < 0n ? -amount : amount).toString().padStart(AMOUNT_DECIMALS + 1, "0");
  const whole = digits.slice(0, -AMOUNT_DECIMALS);
  const fraction = digits.slice(-AMOUNT_DECIMALS).replace(/0+$/, "").padEnd(decimalsMin, "0");
  return fraction === "" ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** Truncates to `decimals` places, towards zero. */
export function truncateAmount(amount: Amount, decimals: number): Amount {
  const unit = unitOf(decimals);
  return (amount / unit) * unit;
}

/** The smallest amount with `decimals` places: 0.01 for 2. */
export function unitOf(decimals: number): Amount {
  return 10n ** BigInt(AMOUNT_DECIMALS - decimals);
}

/** `quantity * price`, rounded half to even at `decimals` places as Zero Hash rounds each trade. */
export function multiplyAmounts(quantity: Amount, price: Amount, decimals: number): Amount {
  const unit = unitOf(decimals);
  const divisor = ONE * unit;
  const product = quantity * price;
  const quotient = product / divisor;
  const twiceRest = (product % divisor) * 2n;
  const roundsUp = twiceRest > divisor || (twiceRest === divisor && quotient % 2n === 1n);
  return (roundsUp ? quotient + 1n : quotient) * unit;
}

/** Times are integer nanoseconds since 1970, as bigint. */
export const NS_PER_US = 1_000n;
export const NS_PER_MS = 1_000_000n;
export const NS_PER_S = 1_000_000_000n;

export function nsOfMs(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * NS_PER_US;
}

/** ISO-8601 in UTC with 3 (Layer1's createdAt), 6 (the Balances Feed) or 9 (Layer1) digits. */
export function isoTime(atNs: bigint, fractionDigits: 3 | 6 | 9): string {
  const seconds = new Date(Number(atNs / NS_PER_S) * 1_000).toISOString().slice(0, 20);
  const fraction = (atNs % NS_PER_S).toString().padStart(9, "0").slice(0, fractionDigits);
  return `${seconds}${fraction}Z`;
}

export function epochMs(atNs: bigint): number {
  return Number(atNs / NS_PER_MS);
}

export function epochSeconds(atNs: bigint): number {
  return Number(atNs / NS_PER_S);
}
