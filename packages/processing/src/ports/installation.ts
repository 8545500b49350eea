import type { ModelName } from "@counterfoil/contracts/fact";

/** What an installation has beside its ledger: the locks of its roles, and its keys. */

/** Held by who projects the model's live generation. */
export const projectorLock = (model: ModelName): string => `projector-${model}`;

/** Lets one process at a time do a job; free again when its holder dies, however it dies. */
export interface RoleLocks {
  /** Waits until the lock is free; null when the signal aborts first. */
  acquire(name: string, signal: AbortSignal): Promise<HeldLock | null>;
  /** null where another holds it. */
  tryAcquire(name: string): Promise<HeldLock | null>;
}

export interface HeldLock {
  /** Aborts when the lock was lost (a connection died): the holder must stop at once. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

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

/** An Ed25519 key. It never leaves its place. */
export interface HeadSigner {
  /** 32 bytes in hex. */
  publicKey(): Promise<string>;
  /** @returns the signature over the text's UTF-8, 64 bytes in hex */
  sign(text: string): Promise<string>;
}

/** The installation's key, made where it is first used, and the one that is to follow it. */
export interface HeadKeyring extends HeadSigner {
  /** The key that is to follow; made where there is none yet, the same until it is adopted. */
  successor(): Promise<HeadSigner>;
  /** Puts the successor in the key's place if it is this one. @returns whether it was */
  adopt(publicKey: string): Promise<boolean>;
}

/** Whether the signature over the text's UTF-8 is this key's; false also for what is no key. */
export type VerifySignature = (publicKey: string, text: string, signature: string) => boolean;
