import { hash } from "node:crypto";
import type { Hashing } from "../../hashing.ts";

/** Real digests, for tests; the core itself imports no runtime. */
export const testHashing: Hashing = {
  sha1: (bytes) => hash("sha1", bytes, "hex"),
  sha256: (data) => hash("sha256", data, "hex"),
};
