import { canonicalJson } from "../exact/json.ts";
import { putHex } from "../exact/text.ts";
import type { Hashing } from "../hashing.ts";
import { prefixedHash } from "./merkle-log.ts";

/**
 * The map of subjects: which events each subject has, as one root, so that a list of one subject's
 * events can be proven complete. A sparse Merkle tree; in bytes:
 *
 *     key    = SHA-256( UTF-8 of the subject )
 *     digest = SHA-256( digest of the subject's events before ‖ hash of the event ), from 32 zero bytes
 *     entry  = SHA-256( UTF-8 of the RFC 8785 array [subject, number, position, digest] ), numbers as strings
 *     leaf   = SHA-256( 0x02 ‖ key ‖ entry )
 *     node   = SHA-256( 0x03 ‖ left ‖ right )
 *
 * A subtree holds the entries whose keys begin with the bits of the path to it, first bit first, 0 left.
 * The hash of an empty subtree is 32 zero bytes, that of a single entry is its leaf, that of more is the
 * node over its two halves. A leaf covers its key, so it is not valid for another one. An absent key is
 * proven by an empty subtree or by another key's leaf where its own would be. Proofs contain other keys
 * as digests only.
 */
export type SubjectEntry = Readonly<{
  subject: string;
  /** The number of its events. */
  number: number;
  /** The position of its last event. */
  position: number;
  digest: string;
}>;

export const EMPTY = "0".repeat(64);

/** A subject's key in the map: its SHA-256 in hex. */
export const keyOf = (subject: string, hashing: Hashing): string => hashing.sha256(subject);

/** The digest of a subject's events after one more event. */
export function addEvent(digest: string, eventHash: string, hashing: Hashing): string {
  putHex(both, 0, digest);
  putHex(both, 32, eventHash);
  return hashing.sha256(both);
}

const both = new Uint8Array(64);

/** The hash of a subject's entry, as its leaf holds it. */
export function entryHash(entry: SubjectEntry, hashing: Hashing): string {
  const { subject, number, position, digest } = entry;
  return hashing.sha256(canonicalJson([subject, String(number), String(position), digest]));
}

const leafOf = ({ key, entry }: Leaf, hashing: Hashing): string =>
  prefixedHash(0x02, [key, entry], hashing);
const nodeOver = (left: string, right: string, hashing: Hashing): string =>
  prefixedHash(0x03, [left, right], hashing);

/** A key with the hash of its entry. */
export type Leaf = Readonly<{ key: string; entry: string }>;

/** A subtree as its parent stores it: empty, a single entry, or the hash of several. */
export type Slot = null | Leaf | Readonly<{ node: string }>;

/**
 * The stored form of the map: a branch covers four levels of the tree, with a slot for each of the 16
 * hex digits that may follow a prefix of keys. A subtree of one entry is stored in its parent, so there
 * are fewer branches than entries, and a path is about as long as the number of entries has hex digits.
 */
export type Branch = readonly Slot[];
export type Branches = ReadonlyMap<string, Branch>;

const NO_ENTRY: Branch = Array.from({ length: 16 }, () => null);

const slotAt = (branch: Branch, key: string, depth: number): Slot =>
  branch[Number.parseInt(key.charAt(depth), 16)] ?? null;

/** The branches that must be loaded, besides the present ones, to change or prove these keys. */
export function missingBranches(loaded: Branches, keys: readonly string[]): readonly string[] {
  const missing = new Set<string>();
  for (const key of keys) {
    for (let depth = 0; depth < key.length; depth += 1) {
      const branch = loaded.get(key.slice(0, depth));
      if (branch === undefined) missing.add(key.slice(0, depth));
      const slot = branch === undefined ? null : slotAt(branch, key, depth);
      if (slot === null || "key" in slot) break;
    }
  }
  return [...missing];
}

/**
 * A loaded branch that is not what its parent, or for the first one the root, has of it; null if there is
 * none. Stored branches are checked before they are changed, so that nothing is signed over a damaged one.
 */
export function damagedBranch(loaded: Branches, root: string, hashing: Hashing): string | null {
  for (const [prefix, branch] of loaded) {
    const parent = loaded.get(prefix.slice(0, -1));
    const slot =
      prefix === "" ? { node: root } : slotAt(parent ?? NO_ENTRY, prefix, prefix.length - 1);
    const isSame =
      slot !== null && "node" in slot && slot.node === hashOf(joined(branch, hashing), hashing);
    if (!isSame) return prefix;
  }
  return null;
}

/** The hash of a key's entry in the loaded branches on its path; null if the map has no such key. */
export function entryIn(loaded: Branches, key: string): string | null {
  for (let depth = 0; depth < key.length; depth += 1) {
    const slot = slotAt(loaded.get(key.slice(0, depth)) ?? NO_ENTRY, key, depth);
    if (slot === null) return null;
    if ("key" in slot) return slot.key === key ? slot.entry : null;
  }
  return null;
}

/**
 * Adds entries, or replaces those with the same keys.
 *
 * @param loaded every branch on the paths to them; an empty map has no root branch
 * @returns the branches that changed, and the map's root
 */
export function changeMap(
  loaded: Branches,
  leaves: readonly Leaf[],
  hashing: Hashing,
): Readonly<{ changed: Branches; root: string }> {
  const changed = new Map<string, Branch>();
  const change = (prefix: string, into: readonly Leaf[], branch: Branch): Branch => {
    const byDigit = Map.groupBy(into, ({ key }) => Number.parseInt(key.charAt(prefix.length), 16));
    const slots = branch.map((slot, digit) => {
      const own = byDigit.get(digit);
      return own === undefined ? slot : changeSlot(prefix + digit.toString(16), own, slot);
    });
    changed.set(prefix, slots);
    return slots;
  };
  const changeSlot = (prefix: string, into: readonly Leaf[], slot: Slot): Slot => {
    const isInner = slot !== null && "node" in slot;
    const isReplaced = isInner || slot === null || into.some(({ key }) => key === slot.key);
    const all = isReplaced ? into : [slot, ...into];
    if (all.length === 1 && !isInner) return all[0] as Leaf;
    const branch = isInner ? branchOf(loaded, prefix) : NO_ENTRY;
    return { node: hashOf(joined(change(prefix, all, branch), hashing), hashing) };
  };
  const branch = change("", leaves, loaded.get("") ?? NO_ENTRY);
  return { changed, root: hashOf(joined(branch, hashing), hashing) };
}

function branchOf(loaded: Branches, prefix: string): Branch {
  const branch = loaded.get(prefix);
  if (branch === undefined) throw new Error(`the branch ${prefix} of the map is not loaded`);
  return branch;
}

/** Joins adjacent slots to one subtree. */
function joined(slots: Branch, hashing: Hashing): Slot {
  if (slots.length === 1) return slots[0] ?? null;
  const left = joined(slots.slice(0, slots.length / 2), hashing);
  const right = joined(slots.slice(slots.length / 2), hashing);
  if (left === null && (right === null || "key" in right)) return right;
  if (right === null && left !== null && "key" in left) return left;
  return { node: nodeOver(hashOf(left, hashing), hashOf(right, hashing), hashing) };
}

function hashOf(slot: Slot, hashing: Hashing): string {
  if (slot === null) return EMPTY;
  return "key" in slot ? leafOf(slot, hashing) : slot.node;
}

/**
 * The largest subtree with these keys; `common` is the number of bits they share, all for one
 * entry.
 */
type Subtree = Readonly<{ key: string; hash: string; common: number }>;

/**
 * Computes the map's root from its leaves, each given once and in the order of the keys. Only left
 * halves without their right halves are kept, so memory does not grow with the number of subjects.
 */
export function createMapRoot(hashing: Hashing) {
  /** `from`: the first bit in which the keys on the right differ. */
  const waiting: { left: Subtree; from: number }[] = [];
  let last: Subtree | null = null;

  /** The hash at a depth: down to the keys' first difference every other half is empty. */
  function hashAt({ key, hash, common }: Subtree, depth: number): string {
    if (common === BITS) return hash;
    let found = hash;
    for (let bit = common - 1; bit >= depth; bit -= 1) {
      const isRight = bitOf(key, bit) === 1;
      found = isRight ? nodeOver(EMPTY, found, hashing) : nodeOver(found, EMPTY, hashing);
    }
    return found;
  }

  /** Joins everything that shares more than so many bits with the last key to one subtree. */
  function joinedBeyond(right: Subtree, bits: number): Subtree {
    let found = right;
    for (let top = waiting.at(-1); top !== undefined && top.from > bits; top = waiting.at(-1)) {
      waiting.pop();
      const { left, from } = top;
      const hash = nodeOver(hashAt(left, from + 1), hashAt(found, from + 1), hashing);
      found = { key: left.key, hash, common: from };
    }
    return found;
  }

  return {
    add(leaf: Leaf): void {
      if (last !== null) {
        const from = firstDifference(last.key, leaf.key);
        waiting.push({ left: joinedBeyond(last, from), from });
      }
      last = { key: leaf.key, hash: leafOf(leaf, hashing), common: BITS };
    },
    /** Called once, after all leaves. */
    root(): string {
      return last === null ? EMPTY : hashAt(joinedBeyond(last, -1), 0);
    },
  };
}

const BITS = 256;

/** @throws Error where the second key does not sort after the first */
function firstDifference(key: string, next: string): number {
  if (next <= key) throw new Error(`the key ${next} does not come behind ${key}`);
  let digit = 0;
  while (key.charCodeAt(digit) === next.charCodeAt(digit)) digit += 1;
  let bit = 4 * digit;
  while (bitOf(key, bit) === bitOf(next, bit)) bit += 1;
  return bit;
}

export type MapProof = Readonly<{
  /** What is found at the end of the key's path: its own leaf, another key's, or nothing. */
  leaf: Leaf | null;
  /** The hashes beside the path, from the root downwards. */
  siblings: readonly string[];
}>;

/** @param loaded every branch on the path to the key */
export function proveKey(loaded: Branches, key: string, hashing: Hashing): MapProof {
  const siblings: string[] = [];
  for (let depth = 0; ; depth += 1) {
    let slots = depth === 0 ? (loaded.get("") ?? NO_ENTRY) : branchOf(loaded, key.slice(0, depth));
    const digit = Number.parseInt(key.charAt(depth), 16);
    for (let bit = 8; bit >= 1; bit /= 2) {
      const subtree = joined(slots, hashing);
      if (subtree === null || "key" in subtree) return { leaf: subtree, siblings };
      const halves = [slots.slice(0, bit), slots.slice(bit)] as const;
      const isRight = (digit & bit) !== 0;
      siblings.push(hashOf(joined(halves[isRight ? 0 : 1], hashing), hashing));
      slots = halves[isRight ? 1 : 0];
    }
    const slot = slots[0] ?? null;
    if (slot === null || "key" in slot) return { leaf: slot, siblings };
  }
}

const bitOf = (key: string, at: number): number =>
  (Number.parseInt(key.charAt(at >> 2), 16) >> (3 - (at & 3))) & 1;
