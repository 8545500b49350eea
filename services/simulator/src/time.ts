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
