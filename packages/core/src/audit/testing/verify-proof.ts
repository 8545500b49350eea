import type { MapProof } from "../subject-map.ts";

/** Verifies proofs as their holders do, by the code that auditors are given and that knows nothing of ours. */
const independent = (file: string) =>
  import(new URL(`../../../../proof-check/src/${file}`, import.meta.url).href);

const { bitOf, goesOn, rootOver } = await independent("proof.mjs");
const { hashesOf } = await independent("exact.mjs");
const { sha256 } = await independent("signatures.mjs");
const hashes = hashesOf(sha256);
const EMPTY = "0".repeat(64);

type InclusionClaim = Readonly<{
  index: number;
  size: number;
  leaf: string;
  root: string;
  proof: readonly string[];
}>;

/** Whether the leaf is in the tree with that root. */
export function isIncluded({ index, size, leaf, root, proof }: InclusionClaim): boolean {
  try {
    return rootOver([[index, leaf]], size, fromLeft(index, size, proof), hashes) === root;
  } catch {
    return false;
  }
}

/** RFC 6962 lists the roots beside a path from the leaf upwards, the checkers from left to right. */
function fromLeft(index: number, size: number, proof: readonly string[]): readonly string[] {
  const sides: ("left" | "right")[] = [];
  for (let [start, end] = [0, size]; end - start > 1; ) {
    const middle = start + 2 ** Math.ceil(Math.log2(end - start) - 1);
    sides.unshift(index < middle ? "right" : "left");
    [start, end] = index < middle ? [start, middle] : [middle, end];
  }
  // One that is too many must not get lost.
  const right = proof.filter((_, at) => sides[at] !== "left");
  return [...proof.filter((_, at) => sides[at] === "left").toReversed(), ...right];
}

type ConsistencyClaim = Readonly<{
  from: number;
  to: number;
  fromRoot: string;
  toRoot: string;
  proof: readonly string[];
}>;

/** Whether the later tree holds the earlier one unchanged and only adds to it. */
export function isConsistent({ from, to, fromRoot, toRoot, proof }: ConsistencyClaim): boolean {
  if (from === to) return proof.length === 0 && fromRoot === toRoot;
  return goesOn({ size: from, root: fromRoot }, { size: to, root: toRoot }, proof, hashes);
}

type MapClaim = Readonly<{ root: string; key: string; entry: string | null }>;

/**
 * Whether the map with that root holds this entry; for `null`, whether it has no entry of the key, which
 * no proof for auditors says: only hashes and bits are theirs here.
 */
export function isProven({ root, key, entry }: MapClaim, { leaf, siblings }: MapProof): boolean {
  if (siblings.length > 256) return false;
  if (entry !== null && (leaf?.key !== key || leaf.entry !== entry)) return false;
  if (entry === null && leaf !== null && !isElsewhere(leaf.key, key, siblings.length)) return false;
  const found = siblings.reduceRight(
    (hash, sibling, depth) =>
      bitOf(key, depth) === 1 ? hashes.branch(sibling, hash) : hashes.branch(hash, sibling),
    leaf === null ? EMPTY : hashes.entry(leaf.key, leaf.entry),
  );
  return found === root;
}

/** Whether another key is found on this key's path at that depth. */
function isElsewhere(other: string, key: string, depth: number): boolean {
  if (other === key) return false;
  for (let at = 0; at < depth; at += 1) if (bitOf(other, at) !== bitOf(key, at)) return false;
  return true;
}
