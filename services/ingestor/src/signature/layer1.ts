import type { KeyObject } from "node:crypto";
import {
  BASE64,
  evidenceOf,
  headerText,
  isSignedBy,
  type PublicKeyRule,
  parsePublicKeys,
  publicKeyId,
  refused,
  type VerifySignature,
} from "./signature.ts";

const SIGNATURE = "x-signature";
const SCHEME = "ecdsa_secp256k1";

/**
 * Verifies Layer1 webhooks: `x-signature` is the base64 of a DER ECDSA signature over
 * secp256k1 and SHA-256 of the raw body alone. High S values are valid, the provider's own example
 * has one. The signature covers no time, so the verdict has no `sentAt`.
 *
 * @param publicKeys PEM or base64 of the DER SubjectPublicKeyInfo
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
export function createLayer1Verifier(publicKeys: readonly string[]): VerifySignature {
  const keys = parsePublicKeys(publicKeys, SECP256K1_KEY);
  const ids = keys.map(publicKeyId);
  return async ({ headers, body }) => {
    const base64 = headerText(headers, SIGNATURE);
    if (base64 === undefined) return refused("signature_missing", `expected ${SIGNATURE}`);
    if (!BASE64.test(base64)) return refused("signature_invalid", `${SIGNATURE} is not base64`);
    const number = await matchingKey(keys, body, Buffer.from(base64, "base64"));
    if (number === null) return refused("signature_invalid", `${SIGNATURE} does not match`);
    const found = { scheme: SCHEME, key_id: ids[number - 1] ?? "" };
    const evidence = [...evidenceOf(headers, [SIGNATURE], new Map([[SIGNATURE, found]]))];
    const verdict = { signature: "valid", scheme: SCHEME, key: String(number), evidence } as const;
    return { ok: true, verdict };
  };
}

const SECP256K1_KEY: PublicKeyRule = {
  variable: "COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY",
  expected: "an ECDSA public key on secp256k1 as PEM, or as base64 of its SPKI form",
  accepts: (key) => key.asymmetricKeyDetails?.namedCurve === "secp256k1",
  types: ["spki"],
};

/** The number of the key in the list, from 1. */
async function matchingKey(
  keys: readonly KeyObject[],
  body: Uint8Array,
  signature: Buffer,
): Promise<number | null> {
  for (const [index, key] of keys.entries()) {
    if (await isSignedBy({ key, dsaEncoding: "der" }, body, signature)) return index + 1;
  }
  return null;
}
