import type { KeyStore } from "../ports/key-store.ts";

export function createMemoryKeyStore(
  kept: Map<string, string> = new Map<string, string>(),
): KeyStore {
  return {
    digests: async () => new Map(kept),
    put: async (keyId, digest) => {
      if (kept.has(keyId)) throw new Error(`key ${keyId} has a digest already`);
      kept.set(keyId, digest);
    },
    remove: async (keyId) => void kept.delete(keyId),
    close: async () => {},
  };
}
