/**
 * The digests that the core needs. They are handed in, since their fast implementations belong to
 * a runtime; every function here is pure and answers in lower-case hex.
 */
export type Hashing = Readonly<{
  sha1: (bytes: Uint8Array) => string;
  sha256: (data: Uint8Array | string) => string;
}>;
