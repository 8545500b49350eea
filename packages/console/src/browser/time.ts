const ISO = /^(.{10}T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d):?(\d\d)?$/;

/**
 * A printed time in nanoseconds since 1970, to compare it: as text, `…40.118Z` is before `…40Z`.
 *
 * @returns null if it is not a time
 */
export function nanosOf(text: string): bigint | null {
  const [, second = "", fraction = "", zone = "", minutes] = ISO.exec(text.toUpperCase()) ?? [];
  const ms = Date.parse(second + (zone === "Z" ? zone : `${zone}:${minutes}`));
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
