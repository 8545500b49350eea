/** The installation's Ed25519 key. It is made where it is first used, and never leaves its place. */
export interface HeadSigner {
  /** 32 bytes in hex. */
  publicKey(): Promise<string>;
  /** @returns the signature over the text's UTF-8, 64 bytes in hex */
  sign(text: string): Promise<string>;
}

/** Whether the signature over the text's UTF-8 is this key's; false also for what is no key. */
export type VerifySignature = (publicKey: string, text: string, signature: string) => boolean;
