/** Compares by UTF-16 code unit, which is the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The beginning of a text, for people to read; a cut is marked with an ellipsis. */
export function cutText(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax).toWellFormed()}…` : text;
}

type ReadBounds = Readonly<{ limit: number; bytesMax: number }>;

/**
 * The items up to and including the first one that brings their total length to the bound; the rest
 * is not consumed.
 */
export function takeWithin<T>(
  items: Iterable<T>,
  bytesMax: number,
  lengthOf: (item: T) => number,
): T[] {
  const taken: T[] = [];
  let length = 0;
  for (const item of items) {
    taken.push(item);
    length += lengthOf(item);
    if (length >= bytesMax) break;
  }
  return taken;
}

/**
 * Whether the read certainly returned all items: neither bound ended it, counting up to three bytes
 * a character. This saves a further read that would be empty.
 */
export function isWhole<T>(
  items: readonly T[],
  { limit, bytesMax }: ReadBounds,
  lengthOf: (item: T) => number,
): boolean {
  if (items.length >= limit) return false;
  return 3 * items.reduce((sum, item) => sum + lengthOf(item), 0) < bytesMax;
}

/** Writes the bytes of lower-case hex digits; digests are stored as text and hashed as bytes. */
export function putHex(into: Uint8Array, at: number, hex: string): void {
  for (let i = 0; 2 * i < hex.length; i += 1) {
    into[at + i] = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
  }
}

/** Has no branch, since digits and letters alternate at random and it runs for every hash. */
const digit = (unit: number): number => (unit & 0x0f) + 9 * (unit >> 6);

/** A count and what was counted, for people: "1 delivery", "2 deliveries". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
