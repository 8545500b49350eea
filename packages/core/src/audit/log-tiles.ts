import type { Hashing } from "../hashing.ts";
import { leafHash, type Node, nodeHash } from "./merkle-log.ts";

/**
 * The tree as it is stored: in tiles of up to 256 hashes, each over eight levels of the tree. A tile of
 * level 0 holds leaves, one of level 1 the roots of full tiles of level 0, and so on. What lies between
 * is computed: a proof reads two tiles for every factor of 256 in the tree's size, and an event adds
 * a little more than one hash to what is stored.
 */
export type TileAt = Readonly<{ level: number; index: number }>;
export type Tile = TileAt & Readonly<{ hashes: readonly string[] }>;

const LEVELS = 8;
const WIDTH = 256;

/** The tile that a complete subtree lies in. */
export function tileOf({ level, index }: Node): TileAt {
  const tileLevel = Math.floor(level / LEVELS);
  const first = index * 2 ** (level - tileLevel * LEVELS);
  return { level: tileLevel, index: Math.floor(first / WIDTH) };
}

/** The root of a complete subtree, from its tile; null where the tile does not reach so far. */
export function hashInTile(tile: Tile, { level, index }: Node, hashing: Hashing): string | null {
  const width = 2 ** (level - tile.level * LEVELS);
  const first = index * width - tile.index * WIDTH;
  const hashes = tile.hashes.slice(first, first + width);
  return hashes.length === width ? completeRoot(hashes, hashing) : null;
}

function completeRoot(hashes: readonly string[], hashing: Hashing): string {
  let row = hashes;
  while (row.length > 1) {
    const below = row;
    row = below.flatMap((hash, at) =>
      at % 2 === 1 ? [nodeHash(below[at - 1] as string, hash, hashing)] : [],
    );
  }
  return row[0] as string;
}

/** The tiles that are not full in a tree of that size: what it grows from. */
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
