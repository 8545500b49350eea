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
