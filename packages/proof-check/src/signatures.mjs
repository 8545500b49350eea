// Digests and signatures with Node's crypto. check.html uses the browser's.
import { constants, createHash, createPublicKey, verify } from "node:crypto";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The prefix of an Ed25519 public key's 32 bytes in SPKI form. */
const ED25519_SPKI = "302a300506032b6570032100";

/** Ed25519: a key of 64 hex digits, a signature of 128. */
export function isSigned({ key, text, signature }) {
  if (!/^[0-9a-f]{128}$/.test(signature)) return false;
  const spki = Buffer.from(`${ED25519_SPKI}${key}`, "hex");
  try {
    const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
    return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, "hex"));
  } catch {
    return false;
  }
}

/** The provider's signature over a delivery: RSA in hex, ECDSA in base64. */
export function isSignedByProvider({ scheme, signed, value }, key) {
  if (scheme === "ecdsa_secp256k1") {
    const ecdsa = { key, dsaEncoding: "der" };
    return verify("sha256", signed, ecdsa, Buffer.from(value, "base64"));
  }
  const pss = {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_AUTO,
  };
  const padding = scheme === "rsa_pss" ? pss : { padding: constants.RSA_PKCS1_PADDING };
  return verify("sha256", signed, { key, ...padding }, Buffer.from(value, "hex"));
}

/** A provider's public key, as PEM or as base64 of its SPKI form. @throws if it is not a key */
export const readPublicKey = (text) =>
  createPublicKey(
    text.includes("BEGIN")
      ? text
      : { key: Buffer.from(text, "base64"), format: "der", type: "spki" },
  );

/** The key's id in deliveries: SHA-256 of its SPKI form. */
export const keyIdOf = (key) => sha256(key.export({ type: "spki", format: "der" }));
