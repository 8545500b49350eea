import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  addToDigest,
  type DigestSum,
  EMPTY_DIGEST,
  formatDigest,
  parseDigest,
  rowHash,
  takeFromDigest,
} from "./hashing.ts";
import { testHashing as hashing } from "./translate/testing/hashing.ts";

const digestOf = (rows: readonly string[]): DigestSum =>
  rows.reduce((sum, row) => addToDigest(sum, rowHash(row, hashing)), 0n);

const rows = fc.uniqueArray(fc.string({ unit: "grapheme" }), { maxLength: 8 });
const MODULUS = 1n << 256n;

describe("digest", () => {
  test("one row is its SHA-256, no row is zero", () => {
    const sha256 = createHash("sha256").update("é").digest("hex");
    expect(formatDigest(digestOf(["é"]))).toBe(sha256);
    expect(EMPTY_DIGEST).toBe("0".repeat(64));
    expect(parseDigest(EMPTY_DIGEST)).toBe(0n);
  });

  test("does not depend on the order in which rows come", () => {
    fc.assert(
      fc.property(rows, (some) => {
        expect(digestOf(some.toReversed())).toBe(digestOf(some));
        expect(digestOf(some.toSorted())).toBe(digestOf(some));
      }),
    );
  });

  test("a row that comes and goes leaves nothing", () => {
    fc.assert(
      fc.property(rows, fc.string(), (some, row) => {
        const hash = rowHash(row, hashing);
        const sum = digestOf(some);
        expect(takeFromDigest(addToDigest(sum, hash), hash)).toBe(sum);
        expect(addToDigest(takeFromDigest(sum, hash), hash)).toBe(sum);
      }),
    );
  });

  test("stays below 2^256 and is 64 hex digits that are read back", () => {
    const sum = fc.bigInt({ min: 0n, max: MODULUS - 1n });
    fc.assert(
      fc.property(sum, sum, (a, b) => {
        for (const result of [addToDigest(a, b), takeFromDigest(a, b)]) {
          expect(formatDigest(result)).toMatch(/^[0-9a-f]{64}$/);
          expect(parseDigest(formatDigest(result))).toBe(result);
        }
        expect(addToDigest(a, b)).toBe((a + b) % MODULUS);
        expect(takeFromDigest(a, b)).toBe((a - b + MODULUS) % MODULUS);
      }),
    );
  });
});
