import type { ModelName } from "@counterfoil/contracts/fact";

/** What an installation has besides its ledger: the locks of its roles, and its keys. */

/** Held by the projector of the model's live generation. */
export const projectorLock = (model: ModelName): string => `projector-${model}`;

/** Allows one process at a time to do a job. A lock is released when its holder dies in any way. */
export interface RoleLocks {
  /** Waits until the lock is free; null when the signal aborts first. */
  acquire(name: string, signal: AbortSignal): Promise<HeldLock | null>;
  /** null if another process holds it. */
  tryAcquire(name: string): Promise<HeldLock | null>;
}

export interface HeldLock {
  /** Aborts when the lock was lost (a connection died): the holder must stop at once. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

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

/** An Ed25519 key. The private key never leaves its store. */
export interface HeadSigner {
  /** 32 bytes in hex. */
  publicKey(): Promise<string>;
  /** @returns the signature over the text's UTF-8, 64 bytes in hex */
  sign(text: string | Uint8Array): Promise<string>;
}

/** The installation's key, created at first use, and its successor. */
export interface HeadKeyring extends HeadSigner {
  /** The next key: created if there is none, and the same until it is adopted. */
  successor(): Promise<HeadSigner>;
  /** Replaces the key by its successor if that has this public key. @returns whether it has */
  adopt(publicKey: string): Promise<boolean>;
}

/** Whether the key signed the text's UTF-8; false also if it is not a valid key. */
export type VerifySignature = (publicKey: string, text: string, signature: string) => boolean;
