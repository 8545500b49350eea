import { putHex } from "../exact/text.ts";
import type { Hashing } from "../hashing.ts";

/**
 * The Merkle tree of RFC 6962 over the events' hashes. In bytes:
 *
 *     leaf = SHA-256( 0x00 ‖ hash of the event, 32 bytes )
 *     node = SHA-256( 0x01 ‖ left, 32 bytes ‖ right, 32 bytes )
 *
 * The event at position n is leaf n - 1, so the size of the tree is a position. Leaves never change:
 * a stored tree gives the root of every earlier size, and proves to the holder of such a root that
 * everything under it is still there.
 */

/** The root of the empty tree. */
export const emptyRoot = (hashing: Hashing): string => hashing.sha256("");

/** The hash of an event's leaf, from the event's own hash. */
export function leafHash(eventHash: string, hashing: Hashing): string {
  return prefixedHash(0x00, [eventHash], hashing);
}

/** The hash of a node, from those of its two children. */
export function nodeHash(left: string, right: string, hashing: Hashing): string {
  return prefixedHash(0x01, [left, right], hashing);
}

const scratch = new Uint8Array(65);

/** SHA-256 of a prefix byte and digests. The byte distinguishes leaves from nodes. */
export function prefixedHash(prefix: number, parts: readonly string[], hashing: Hashing): string {
  scratch[0] = prefix;
  for (const [at, part] of parts.entries()) putHex(scratch, 1 + 32 * at, part);
  return hashing.sha256(scratch.subarray(0, 1 + 32 * parts.length));
}

/** The root of a complete subtree: 2^level leaves from leaf index · 2^level. */
export type Node = Readonly<{ level: number; index: number }>;

/** The leaves from `start` up to, not including, `end`: a subtree. */
export type LeafRange = Readonly<{ start: number; end: number }>;

/** The complete subtrees of a subtree, from left to right: at most one per level. */
export function nodesOf({ start, end }: LeafRange): readonly Node[] {
  const nodes: Node[] = [];
  for (let at = start; at < end; ) {
    let [level, width] = [0, 1];
    while (at % (2 * width) === 0 && at + 2 * width <= end) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** The root of a range. @param hashOf gives the hash of each complete subtree */
export function rootOf(range: LeafRange, hashOf: (node: Node) => string, hashing: Hashing): string {
  const hashes = nodesOf(range).map(hashOf);
  if (hashes.length === 0) return emptyRoot(hashing);
  return hashes.reduceRight((right, left) => nodeHash(left, right, hashing));
}

/**
 * The ranges whose roots prove that leaf `index` is in the tree of `size`, from the leaf upwards.
 */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  for (let [start, end] = [0, size]; end - start > 1; ) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The ranges whose roots prove several leaves at once, from left to right: the largest subtrees that
 * hold none of them.
 *
 * @param indexes ascending, without duplicates
 */
export function jointRanges(indexes: readonly number[], size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let at = 0;
  const walk = (start: number, end: number): void => {
    const index = indexes[at];
    if (index === undefined || index >= end) ranges.push({ start, end });
    else if (end - start === 1) at += 1;
    else {
      const middle = start + largestPowerBelow(end - start);
      walk(start, middle);
      walk(middle, end);
    }
  };
  if (size > 0) walk(0, size);
  return ranges;
}

/**
 * The ranges whose roots prove that the tree of `to` extends the tree of `from`, 0 < from <= to.
 */
export function consistencyRanges(from: number, to: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [start, end] = [0, to];
  // If the old tree is a complete subtree of the new one, the verifier knows its root already.
  let isOldRoot = true;
  while (from !== end) {
    const middle = start + largestPowerBelow(end - start);
    if (from <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
      isOldRoot = false;
    }
  }
  if (!isOldRoot) ranges.push({ start, end });
  return ranges.reverse();
}

/** Multiplies, because shifts do not work beyond 2^31. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

/** A tree that grows event by event and gives its root only. */
export function createGrowingTree(hashing: Hashing) {
  /** Its complete subtrees from left to right: no two have the same width. */
  const subtrees: { root: string; width: number }[] = [];
  return {
    add(eventHash: string): void {
      let [root, width] = [leafHash(eventHash, hashing), 1];
      for (let last = subtrees.at(-1); last?.width === width; last = subtrees.at(-1)) {
        root = nodeHash(last.root, root, hashing);
        width *= 2;
        subtrees.pop();
      }
      subtrees.push({ root, width });
    },
    root(): string {
      const roots = subtrees.map(({ root }) => root);
      if (roots.length === 0) return emptyRoot(hashing);
      return roots.reduceRight((right, left) => nodeHash(left, right, hashing));
    },
  };
}

/**
 * The position of a tile. The tree is stored in tiles of up to 256 hashes, each covering eight levels.
 * A tile of level 0 holds leaves, one of level 1 the roots of full tiles of level 0, and so on. Levels
 * between them are computed: a proof reads two tiles for every factor of 256 in the tree's size, and
 * an event adds a little more than one stored hash.
 */
export type TileAt = Readonly<{ level: number; index: number }>;
export type Tile = TileAt & Readonly<{ hashes: readonly string[] }>;

const LEVELS = 8;
const WIDTH = 256;

/** The tile that holds a complete subtree. */
export function tileOf({ level, index }: Node): TileAt {
  const tileLevel = Math.floor(level / LEVELS);
  const first = index * 2 ** (level - tileLevel * LEVELS);
  return { level: tileLevel, index: Math.floor(first / WIDTH) };
}

/** The root of a complete subtree, from its tile; null where the tile does not hold all of it. */
export function hashInTile(tile: Tile, { level, index }: Node, hashing: Hashing): string | null {
  const width = 2 ** (level - tile.level * LEVELS);
  const first = index * width - tile.index * WIDTH;
  if (width === 1) return tile.hashes[first] ?? null;
  const hashes = tile.hashes.slice(first, first + width);
  return hashes.length === width ? completeRoot(hashes, hashing) : null;
}

function completeRoot(hashes: readonly string[], hashing: Hashing): string {
  const row = [...hashes];
  for (let width = row.length; width > 1; width /= 2) {
    for (let at = 0; at < width; at += 2) {
      row[at / 2] = nodeHash(row[at] as string, row[at + 1] as string, hashing);
    }
  }
  return row[0] as string;
}

/** The tiles that are not full in a tree of that size, which growing it changes. */
export function openTiles(size: number): readonly TileAt[] {
  const tiles: TileAt[] = [];
  for (let [level, count] = [0, size]; count > 0; level += 1, count = Math.floor(count / WIDTH)) {
    if (count % WIDTH !== 0) tiles.push({ level, index: Math.floor(count / WIDTH) });
  }
  return tiles;
}

/**
 * Adds events to a tree.
 *
 * @param open the tiles that `openTiles` names
 * @returns the tiles that changed or are new
 */
export function growTiles(
  { size, open }: Readonly<{ size: number; open: readonly Tile[] }>,
  eventHashes: readonly string[],
  hashing: Hashing,
): readonly Tile[] {
  const tiles = new Map<string, TileAt & { hashes: string[] }>();
  const key = ({ level, index }: TileAt) => `${level}/${index}`;
  for (const tile of open) tiles.set(key(tile), { ...tile, hashes: [...tile.hashes] });
  const add = (level: number, number: number, hash: string): void => {
    const at = { level, index: Math.floor(number / WIDTH) };
    const tile = tiles.get(key(at)) ?? { ...at, hashes: [] };
    tiles.set(key(at), tile);
    if (tile.hashes.length !== number % WIDTH) {
      throw new Error(
        `tile ${key(at)} has ${tile.hashes.length} hashes, expected ${number % WIDTH}`,
      );
    }
    tile.hashes.push(hash);
    if (tile.hashes.length === WIDTH) add(level + 1, at.index, completeRoot(tile.hashes, hashing));
  };
  for (const [at, hash] of eventHashes.entries()) add(0, size + at, leafHash(hash, hashing));
  const before = new Map(open.map((tile) => [key(tile), tile.hashes.length]));
  return [...tiles.values()].filter((tile) => before.get(key(tile)) !== tile.hashes.length);
}
