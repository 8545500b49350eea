import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import {
  addEvent,
  type Branch,
  changeMap,
  createMapRoot,
  EMPTY,
  entryHash,
  keyOf,
  type Leaf,
  missingBranches,
  proveKey,
} from "./subject-map.ts";
import { isProven } from "./testing/verify-proof.ts";

const bytes = (hex: string) => Buffer.from(hex, "hex");
const sha256 = (...parts: Uint8Array[]) => hashing.sha256(Buffer.concat(parts));

/** The definition, word by word, over all entries at once. */
function naiveRoot(leaves: readonly Leaf[], depth = 0): string {
  if (leaves.length === 0) return EMPTY;
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) {
    return sha256(Buffer.of(2), bytes(only.key), bytes(only.entry));
  }
  const isRight = ({ key }: Leaf) =>
    BigInt(`0x${key}`).toString(2).padStart(256, "0").charAt(depth) === "1";
  const left = naiveRoot(
    leaves.filter((leaf) => !isRight(leaf)),
    depth + 1,
  );
  const right = naiveRoot(leaves.filter(isRight), depth + 1);
  return sha256(Buffer.of(3), bytes(left), bytes(right));
}

/** By the leaves in the order of their keys. */
function rootInOrder(leaves: readonly Leaf[]): string {
  const map = createMapRoot(hashing);
  for (const one of leaves.toSorted((a, b) => (a.key < b.key ? -1 : 1))) map.add(one);
  return map.root();
}

/** A stored map that loads branches on demand and counts them. */
function storedMap() {
  const branches = new Map<string, Branch>();
  const load = (keys: readonly string[]) => {
    const loaded = new Map<string, Branch>();
    for (;;) {
      const missing = missingBranches(loaded, keys).filter((prefix) => branches.has(prefix));
      if (missing.length === 0) return loaded;
      for (const prefix of missing) loaded.set(prefix, branches.get(prefix) as Branch);
    }
  };
  return {
    branches,
    put(leaves: readonly Leaf[]): string {
      const { changed, root } = changeMap(load(leaves.map(({ key }) => key)), leaves, hashing);
      for (const [prefix, branch] of changed) branches.set(prefix, branch);
      return root;
    },
    prove: (key: string) => proveKey(load([key]), key, hashing),
  };
}

/** Few digits first, so that keys share long beginnings. */
const key = fc
  .tuple(fc.array(fc.constantFrom("0", "8", "f"), { maxLength: 12 }), fc.nat(3))
  .map(([digits, last]) => `${digits.join("")}${hashing.sha256(String(last))}`.slice(0, 64));
const leaf = fc.record({ key, entry: fc.nat(5).map((n) => hashing.sha256(`entry ${n}`)) });
const batch = fc.uniqueArray(leaf, { selector: (one) => one.key, minLength: 1, maxLength: 12 });
const batches = fc.array(batch, { minLength: 1, maxLength: 5 });

describe("the map of subjects", () => {
  test("leaves out of order, or one twice, make no root", () => {
    const entry = hashing.sha256("entry");
    const map = createMapRoot(hashing);
    map.add({ key: keyOf("b", hashing), entry });
    expect(() => map.add({ key: keyOf("b", hashing), entry })).toThrow("does not come behind");
    expect(createMapRoot(hashing).root()).toBe(EMPTY);
  });

  test("has the root that its definition gives, whatever the batches", () => {
    fc.assert(
      fc.property(batches, (all) => {
        const map = storedMap();
        const entries = new Map<string, Leaf>();
        for (const leaves of all) {
          for (const one of leaves) entries.set(one.key, one);
          const root = naiveRoot([...entries.values()]);
          expect(map.put(leaves)).toBe(root);
          expect(rootInOrder([...entries.values()])).toBe(root);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("proves what it holds and what it does not, and nothing else", () => {
    fc.assert(
      fc.property(batches, key, (all, asked) => {
        const map = storedMap();
        const entries = new Map<string, string>();
        let root = EMPTY;
        for (const leaves of all) {
          root = map.put(leaves);
          for (const one of leaves) entries.set(one.key, one.entry);
        }
        const other = hashing.sha256("no such entry");
        for (const key of [asked, ...entries.keys()]) {
          const proof = map.prove(key);
          const entry = entries.get(key) ?? null;
          expect(isProven({ root, key, entry }, proof)).toBe(true);
          expect(isProven({ root, key, entry: other }, proof)).toBe(false);
          expect(isProven({ root: other, key, entry }, proof)).toBe(false);
          if (entry !== null) {
            expect(isProven({ root, key, entry: null }, proof)).toBe(false);
            // A proof whose path ends too early does not hide an entry.
            for (const leaf of [null, { key: other, entry }]) {
              for (let end = 0; end <= proof.siblings.length; end += 1) {
                const cut = { leaf, siblings: proof.siblings.slice(0, end) };
                expect(isProven({ root, key, entry: null }, cut)).toBe(false);
              }
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("changes a handful of branches for one entry among thousands", () => {
    const map = storedMap();
    const leaves = Array.from({ length: 20_000 }, (_, at) => ({
      key: keyOf(`subject ${at}`, hashing),
      entry: hashing.sha256(String(at)),
    }));
    map.put(leaves);
    expect(map.branches.size).toBeLessThan(leaves.length / 2);
    for (const { key } of leaves.slice(0, 100)) {
      expect(map.prove(key).siblings.length).toBeLessThan(32);
    }
  });

  test("has this entry and this root, in bytes", () => {
    const hashes = ["a".repeat(64), "b".repeat(64)];
    const digest = hashes.reduce((before, hash) => addEvent(before, hash, hashing), EMPTY);
    const entry = { subject: "fund:zerohash:Ωμέγα", number: 2, position: 7, digest };
    expect(digest).toBe(VECTOR.digest);
    expect(entryHash(entry, hashing)).toBe(VECTOR.entry);
    const first = { key: keyOf(entry.subject, hashing), entry: VECTOR.entry };
    const second = { key: keyOf("ledger", hashing), entry: VECTOR.entry };
    expect(storedMap().put([first])).toBe(VECTOR.ofOne);
    expect(storedMap().put([first, second])).toBe(VECTOR.ofTwo);
  });
});

/** Computed apart from this code, with Python's hashlib, from the definition alone. */
const VECTOR = {
  digest: "aaf51febf5ed5e45e5bcd62d127a21328f3b78b943377466fb57cf303b814b9a",
  entry: "d0e3db3f7da548fbacdeba478fc7de720edc578bb927a57d164cda4b3666309b",
  ofOne: "c6a15a42623aa3f9fa1306f31ca432b49a18891b2f377528c4d50b1d3fbe6759",
  ofTwo: "fa1162ff940394da5b8f3174a4c6a3b1cec31a728cf075eb2bcc3e91526bef67",
};
