import { createPublicKey, type KeyObject } from "node:crypto";
import { StartupError } from "@counterfoil/contracts/error-code";

type DerType = "spki" | "pkcs1";

export type PublicKeyRule = Readonly<{
  /** The environment variable that holds the list, for the error. */
  variable: string;
  /** What is expected, for the error. */
  expected: string;
  accepts: (key: KeyObject) => boolean;
  types: readonly DerType[];
}>;

/**
 * Parses a variable's list of public keys, each as PEM or as the base64 of its DER form. PEM may
 * have lost its line breaks (`\n` as two characters, or none), as happens in environment files.
 *
 * @throws StartupError configuration_invalid, which names the variable and the key's number in the
 *   list from 1, but never prints the key: it may be a private one that was put there by mistake.
 */
export function parsePublicKeys(texts: readonly string[], rule: PublicKeyRule): KeyObject[] {
  return texts.map((text, index) => {
    const key = parsePublicKey(text, rule.types);
    if (key !== null && rule.accepts(key)) return key;
    const which = `${rule.variable}, key ${index + 1} of ${texts.length}`;
    throw new StartupError("configuration_invalid", `${which}: expected ${rule.expected}`);
  });
}

const PEM = /^-----BEGIN (?:RSA )?PUBLIC KEY-----(.+)-----END (?:RSA )?PUBLIC KEY-----$/s;

export const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

function parsePublicKey(text: string, types: readonly DerType[]): KeyObject | null {
  const base64 = (PEM.exec(text.trim())?.[1] ?? text).replace(/\\r|\\n|\s/g, "");
  if (!BASE64.test(base64)) return null;
  const der = Buffer.from(base64, "base64");
  for (const type of types) {
    try {
      return createPublicKey({ key: der, format: "der", type });
    } catch {
      // Not in this form; the next one may fit.
    }
  }
  return null;
}
