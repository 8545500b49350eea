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
