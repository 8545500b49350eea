import { putHex } from "../exact/hex.ts";
import type { Hashing } from "../hashing.ts";

/**
 * The Merkle tree of RFC 6962 over the events' hashes. In bytes:
 *
 *     leaf = SHA-256( 0x00 ‖ hash of the event, 32 bytes )
 *     node = SHA-256( 0x01 ‖ left, 32 bytes ‖ right, 32 bytes )
 *
 * The event at position n is leaf n - 1, so that the size of the tree is a position. No leaf ever
 * changes: of a tree that is kept, the root of every earlier size can be told, and whoever holds that
 * root can be shown that everything under it is still there.
 */

/** The root over no event. */
export const emptyRoot = (hashing: Hashing): string => hashing.sha256("");

export function leafHash(eventHash: string, hashing: Hashing): string {
  return prefixedHash(0x00, [eventHash], hashing);
}

export function nodeHash(left: string, right: string, hashing: Hashing): string {
  return prefixedHash(0x01, [left, right], hashing);
}

const scratch = new Uint8Array(65);

/** SHA-256 of one byte and some digests; the byte keeps leaves and nodes apart. */
export function prefixedHash(prefix: number, parts: readonly string[], hashing: Hashing): string {
  scratch[0] = prefix;
  for (const [at, part] of parts.entries()) putHex(scratch, 1 + 32 * at, part);
  return hashing.sha256(scratch.subarray(0, 1 + 32 * parts.length));
}

/** The root of a complete subtree: 2^level leaves from leaf index · 2^level. */
export type Node = Readonly<{ level: number; index: number }>;

/** Leaves from `start` up to, not including, `end`: some subtree of the tree. */
export type LeafRange = Readonly<{ start: number; end: number }>;

/** The complete subtrees that a subtree is made of, from left to right: at most one a level. */
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

/** The root over a range, whose complete subtrees `hashOf` knows. */
export function rootOf(range: LeafRange, hashOf: (node: Node) => string, hashing: Hashing): string {
  const hashes = nodesOf(range).map(hashOf);
  if (hashes.length === 0) return emptyRoot(hashing);
  return hashes.reduceRight((right, left) => nodeHash(left, right, hashing));
}

/** The ranges whose roots prove that leaf `index` is in the tree of `size`, from the leaf upwards. */
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
 * The ranges whose roots prove several leaves at once, from left to right: every subtree that holds
 * none of them, as large as it can be.
 *
 * @param indexes ascending, each once
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

/** The ranges whose roots prove that the tree of `to` goes on from the tree of `from`, 0 < from <= to. */
export function consistencyRanges(from: number, to: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let [start, end] = [0, to];
  // Where the old tree is a complete subtree of the new one, its root is known to who checks.
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

/** Powers of two beyond 2^31 are no shifts. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

/** A tree that grows event by event, of which only the root is asked. */
export function createGrowingTree(hashing: Hashing) {
  /** The complete subtrees that it is made of, from left to right: no two are of one width. */
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

export type InclusionClaim = Readonly<{
  index: number;
  size: number;
  leaf: string;
  root: string;
  proof: readonly string[];
}>;

/** Whether the leaf is in the tree with that root. */
export function isIncluded(claim: InclusionClaim, hashing: Hashing): boolean {
  const { index, size, proof } = claim;
  if (!(Number.isSafeInteger(index) && index >= 0 && index < size)) return false;
  const ranges = inclusionRanges(index, size);
  if (ranges.length !== proof.length) return false;
  const root = proof.reduce((hash, sibling, at) => {
    const isLeft = (ranges[at] as LeafRange).start < index;
    return isLeft ? nodeHash(sibling, hash, hashing) : nodeHash(hash, sibling, hashing);
  }, claim.leaf);
  return root === claim.root;
}

export type ConsistencyClaim = Readonly<{
  from: number;
  to: number;
  fromRoot: string;
  toRoot: string;
  proof: readonly string[];
}>;

/** Whether the later tree holds the earlier one unchanged, and only adds to it. */
export function isConsistent(claim: ConsistencyClaim, hashing: Hashing): boolean {
  const { from, to, proof } = claim;
  if (!(Number.isSafeInteger(from) && from > 0 && from <= to)) return false;
  const ranges = consistencyRanges(from, to);
  if (ranges.length !== proof.length) return false;
  const isOldRoot = ranges[0] === undefined || ranges[0].start >= from;
  const first = isOldRoot ? claim.fromRoot : (proof[0] as string);
  let [old, present] = [first, first];
  for (let at = isOldRoot ? 0 : 1; at < proof.length; at += 1) {
    const sibling = proof[at] as string;
    const isLeft = (ranges[at] as LeafRange).start < from;
    if (isLeft) old = nodeHash(sibling, old, hashing);
    present = isLeft ? nodeHash(sibling, present, hashing) : nodeHash(present, sibling, hashing);
  }
  return old === claim.fromRoot && present === claim.toRoot;
}
