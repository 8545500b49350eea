/**
 * Where the SHA-256 of each API key's secret lies, seen by every process of the ledger. What a key
 * may do, and whether it still may, the stream says: a digest without a key's event opens nothing,
 * and a key whose digest is lost opens nothing either.
 */
export interface KeyStore {
  /** By the key's id. Empty where nobody has kept any, or where they are gone. */
  digests(): Promise<ReadonlyMap<string, string>>;
  /** @throws where the key has one already */
  put(keyId: string, digest: string): Promise<void>;
  remove(keyId: string): Promise<void>;
  close(): Promise<void>;
}
