/**
 * The hash functions that the core needs. They are injected, since fast implementations depend on the
 * runtime. Each is pure and returns lower-case hex.
 */
export type Hashing = Readonly<{
  sha1: (bytes: Uint8Array) => string;
  sha256: (data: Uint8Array | string) => string;
}>;

/**
 * The digest of a set of rows: the sum modulo 2^256 of the SHA-256 of each row's canonical text.
 * Rows may be added and removed in any order, and a changed row costs two hashes. It detects faults
 * but proves nothing; the hash chain does.
 */
export type DigestSum = bigint;

const MODULUS = 1n << 256n;

/** The hash of a row's canonical text, as a number below 2^256. */
export function rowHash(text: string, hashing: Hashing): bigint {
  return BigInt(`0x${hashing.sha256(text)}`);
}

/** The sum with one more row, modulo 2^256. */
export function addToDigest(sum: DigestSum, hash: bigint): DigestSum {
  const total = sum + hash;
  return total >= MODULUS ? total - MODULUS : total;
}

/** The sum with one row less, modulo 2^256. */
export function takeFromDigest(sum: DigestSum, hash: bigint): DigestSum {
  return sum >= hash ? sum - hash : sum + MODULUS - hash;
}

/** Reads a sum from hex. */
export const parseDigest = (hex: string): DigestSum => BigInt(`0x${hex}`);
/** A sum as 64 digits in hex. */
export const formatDigest = (sum: DigestSum): string => sum.toString(16).padStart(64, "0");
export const EMPTY_DIGEST = formatDigest(0n);
