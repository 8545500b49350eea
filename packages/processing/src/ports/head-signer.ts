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
