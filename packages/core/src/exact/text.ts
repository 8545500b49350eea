/** By code unit: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The beginning of a text, for people to read: it says where something was cut off. */
export function cutText(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax).toWellFormed()}…` : text;
}

type Bounds = Readonly<{ limit: number; bytesMax: number }>;

/** The items up to the one that brings their text to the bound, and that one; the others stay unread. */
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
 * Whether nothing followed when the items were read, for certain: neither bound ended them, of which
 * the bytes are up to three a character. It saves the read that would answer nothing.
 */
export function isWhole<T>(
  items: readonly T[],
  { limit, bytesMax }: Bounds,
  lengthOf: (item: T) => number,
): boolean {
  if (items.length >= limit) return false;
  return 3 * items.reduce((sum, item) => sum + lengthOf(item), 0) < bytesMax;
}

/** Writes the bytes that lower-case hex digits stand for; digests are kept as text, hashed as bytes. */
export function putHex(into: Uint8Array, at: number, hex: string): void {
  for (let i = 0; 2 * i < hex.length; i += 1) {
    into[at + i] = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
  }
}

/** Without a branch, since digits and letters come in no order: it is asked for every hash. */
const digit = (unit: number): number => (unit & 0x0f) + 9 * (unit >> 6);

/** A count and what was counted, for people: "1 delivery", "2 deliveries". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
