/**
 * Stores the SHA-256 of each API key's secret for all processes of the ledger. A key's rights and
 * validity are events on the stream: a digest without the key's event gives no access, and neither
 * does a key whose digest is lost.
 */
export interface KeyStore {
  /** By key id. Empty if none was stored, or if the store was lost. */
  digests(): Promise<ReadonlyMap<string, string>>;
  /** @throws if the key already has one */
  put(keyId: string, digest: string): Promise<void>;
  remove(keyId: string): Promise<void>;
  close(): Promise<void>;
}
