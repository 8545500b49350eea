import {
  constants,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from "node:crypto";
import { promisify } from "node:util";

/** `key`: its number in the list, from 1. */
export type MatchingKey = Readonly<{ key: number; scheme: string }>;

/** Which key made this signature over the joined parts; null where none did. Never throws. */
export type Matcher = (
  signed: readonly Uint8Array[],
  signature: Buffer,
) => Promise<MatchingKey | null>;

/** HMAC-SHA256 with any of the secrets (UTF-8 text); null without any. */
export function hmacMatcher(secrets: readonly string[]): Matcher | null {
  if (secrets.length === 0) return null;
  const keys = secrets.map((secret) => createSecretKey(secret, "utf8"));
  return async (signed, signature) => {
    const index = keys.findIndex((key) => {
      const hmac = createHmac("sha256", key);
      for (const part of signed) hmac.update(part);
      const expected = hmac.digest();
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    });
    return index === -1 ? null : { key: index + 1, scheme: "hmac" };
  };
}

/**
 * The provider does not name the padding. PSS is what its consumers found to work, PKCS#1 v1.5 what
 * they fall back to.
 */
const PADDINGS = [
  {
    scheme: "rsa_pss",
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_AUTO,
  },
  { scheme: "rsa_pkcs1", padding: constants.RSA_PKCS1_PADDING },
] as const;

/** On the thread pool: the event loop has other webhooks to answer. */
const verifyInPool = promisify(verify);

/** RSA-SHA256 under any of the keys, in either padding; null without any. */
export function rsaMatcher(keys: readonly KeyObject[]): Matcher | null {
  if (keys.length === 0) return null;
  return async (signed, signature) => {
    const data = Buffer.concat(signed);
    for (const [index, key] of keys.entries()) {
      for (const { scheme, ...padding } of PADDINGS) {
        // A padding that the key forbids is an error of OpenSSL's, and no match to us.
        const isValid = verifyInPool("sha256", data, { key, ...padding }, signature);
        if (await isValid.catch(() => false)) return { key: index + 1, scheme };
      }
    }
    return null;
  };
}
