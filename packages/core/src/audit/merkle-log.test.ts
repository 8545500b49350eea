import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import {
  consistencyRanges,
  emptyRoot,
  growTiles,
  hashInTile,
  inclusionRanges,
  type LeafRange,
  leafHash,
  type Node,
  nodeHash,
  openTiles,
  rootOf,
  type Tile,
  tileOf,
} from "./merkle-log.ts";
import { isConsistent, isIncluded } from "./testing/verify-proof.ts";

const eventHash = (number: number): string => hashing.sha256(`event ${number}`);
const hashes = (count: number) => Array.from({ length: count }, (_, at) => eventHash(at));

/** RFC 6962, section 2.1, word by word. */
function naiveRoot(leaves: readonly string[]): string {
  if (leaves.length === 0) return hashing.sha256("");
  if (leaves.length === 1) return leaves[0] as string;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)), hashing);
}

function naiveInclusion(index: number, leaves: readonly string[]): string[] {
  if (leaves.length <= 1) return [];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return index < k
    ? [...naiveInclusion(index, left), naiveRoot(right)]
    : [...naiveInclusion(index - k, right), naiveRoot(left)];
}

function naiveConsistency(m: number, leaves: readonly string[], isOld = true): string[] {
  if (m === leaves.length) return isOld ? [] : [naiveRoot(leaves)];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m <= k
    ? [...naiveConsistency(m, left, isOld), naiveRoot(right)]
    : [...naiveConsistency(m - k, right, false), naiveRoot(left)];
}

/** A tree as it is stored, grown in steps of these sizes. */
function stored(steps: readonly number[]) {
  const tiles = new Map<string, Tile>();
  const key = ({ level, index }: { level: number; index: number }) => `${level}/${index}`;
  let size = 0;
  for (const step of steps) {
    const open = openTiles(size).map((at) => tiles.get(key(at)) as Tile);
    const added = Array.from({ length: step }, (_, at) => eventHash(size + at));
    for (const tile of growTiles({ size, open }, added, hashing)) tiles.set(key(tile), tile);
    size += step;
  }
  const hashOf = (node: Node) =>
    hashInTile(tiles.get(key(tileOf(node))) as Tile, node, hashing) as string;
  return { size, rangeRoot: (range: LeafRange) => rootOf(range, hashOf, hashing) };
}

const steps = fc.array(fc.oneof(fc.nat(5), fc.nat(700)), { minLength: 1, maxLength: 6 });

describe("the tree over events", () => {
  test("has the leaves, nodes and empty root of RFC 6962", () => {
    expect(emptyRoot(hashing)).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });

  test("has the roots of certificate transparency's own reference, size by size", () => {
    const leaves = REFERENCE.map(([data]) => hashing.sha256(Buffer.from(`00${data}`, "hex")));
    const hashOf = ({ level, index }: Node): string =>
      level === 0
        ? (leaves[index] as string)
        : nodeHash(
            hashOf({ level: level - 1, index: 2 * index }),
            hashOf({ level: level - 1, index: 2 * index + 1 }),
            hashing,
          );
    const roots = leaves.map((_, at) => rootOf({ start: 0, end: at + 1 }, hashOf, hashing));
    expect(roots).toEqual(REFERENCE.map(([, root]) => root));
  });

  test("is grown as RFC 6962 defines it, whatever the steps", () => {
    fc.assert(
      fc.property(steps, fc.nat(), (sizes, some) => {
        const { size, rangeRoot } = stored(sizes);
        const leaves = hashes(size).map((hash) => leafHash(hash, hashing));
        const earlier = size === 0 ? 0 : some % (size + 1);
        for (const end of new Set([size, earlier])) {
          expect(rangeRoot({ start: 0, end })).toBe(naiveRoot(leaves.slice(0, end)));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("beyond 65,536 leaves too", () => {
    const { size, rangeRoot } = stored([65_535, 1, 1, 700]);
    const leaves = hashes(size).map((hash) => leafHash(hash, hashing));
    for (const end of [65_535, 65_536, 65_537, size]) {
      expect(rangeRoot({ start: 0, end })).toBe(naiveRoot(leaves.slice(0, end)));
    }
  });

  test("proves each event, as RFC 6962 defines it, and no other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), fc.nat(), (size, a, b) => {
        const { rangeRoot } = stored([size]);
        const leaves = hashes(size).map((hash) => leafHash(hash, hashing));
        const index = a % size;
        const proof = inclusionRanges(index, size).map(rangeRoot);
        expect(proof).toEqual(naiveInclusion(index, leaves));
        const claim = {
          index,
          size,
          leaf: leaves[index] as string,
          root: naiveRoot(leaves),
          proof,
        };
        expect(isIncluded(claim)).toBe(true);
        const other = b % size;
        const isSame = other === index;
        expect(isIncluded({ ...claim, leaf: leaves[other] as string })).toBe(isSame);
        expect(isIncluded({ ...claim, index: other })).toBe(isSame);
        expect(isIncluded({ ...claim, proof: [...proof, EMPTY] })).toBe(false);
        expect(isIncluded({ ...claim, index: size })).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test("proves that it extends an earlier one, and no other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), fc.nat(), (to, a, b) => {
        const { rangeRoot } = stored([to]);
        const leaves = hashes(to).map((hash) => leafHash(hash, hashing));
        const from = 1 + (a % to);
        const proof = consistencyRanges(from, to).map(rangeRoot);
        expect(proof).toEqual(naiveConsistency(from, leaves));
        const [fromRoot, toRoot] = [naiveRoot(leaves.slice(0, from)), naiveRoot(leaves)];
        const claim = { from, to, fromRoot, toRoot, proof };
        expect(isConsistent(claim)).toBe(true);
        expect(isConsistent({ ...claim, fromRoot: EMPTY })).toBe(false);
        expect(isConsistent({ ...claim, toRoot: EMPTY })).toBe(false);
        const altered = leaves.with(b % from, EMPTY);
        expect(isConsistent({ ...claim, fromRoot: naiveRoot(altered.slice(0, from)) })).toBe(false);
        if (proof.length === 0) return;
        expect(isConsistent({ ...claim, proof: proof.with(b % proof.length, EMPTY) })).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

const EMPTY = "0".repeat(64);

/** Leaves' bytes, and the root over all up to there. */
const REFERENCE = [
  ["", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  ["00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
  ["10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
  ["2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
  ["3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"],
  ["40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"],
  ["5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"],
  [
    "606162636465666768696a6b6c6d6e6f",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ],
] as const;
