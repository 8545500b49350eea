import { hash } from "node:crypto";
import type { Hashing } from "@counterfoil/core/hashing";

/** The one-shot `hash` is about twice as fast on short inputs as a hash object. */
export const nodeHashing: Hashing = {
  sha1: (bytes) => hash("sha1", bytes, "hex"),
  sha256: (data) => hash("sha256", data, "hex"),
};
