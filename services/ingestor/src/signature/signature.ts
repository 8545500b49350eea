import {
  createHmac,
  createPublicKey,
  hash,
  type KeyObject,
  type VerifyKeyObjectInput,
  verify,
} from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { StartupError } from "@counterfoil/contracts/error-code";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Delivery } from "@counterfoil/processing/ports/ingest";

export type Verdict = Delivery["verdict"];

/** `detail` is shown to the sender and logged: it names headers, never what stands in them. */
export type SignatureRefusal = Readonly<{
  ok: false;
  code: "signature_missing" | "signature_invalid" | "timestamp_stale";
  detail: string;
}>;

export type SignatureResult = Readonly<{ ok: true; verdict: Verdict }> | SignatureRefusal;

/** A webhook as it arrived; `body` is exactly what was sent. */
export type SignedRequest = Readonly<{
  headers: IncomingHttpHeaders;
  body: Uint8Array;
  receivedAt: Nanos;
}>;

/** Never throws for anything that a sender can do. */
export type VerifySignature = (request: SignedRequest) => Promise<SignatureResult>;

export function refused(code: SignatureRefusal["code"], detail: string): SignatureRefusal {
  return { ok: false, code, detail };
}

/**
 * The text of a header; a repeated one comes joined by a comma, as Node hands it over, and so is
 * no valid signature. An empty one says as little as none.
 */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(", ") : value;
  return text === "" ? undefined : text;
}

/** A header as it came, with what was made of it here. */
export type Evidence = NonNullable<Verdict["evidence"]>[number];

/** Longer than any signature: what nobody checked must not make events large. */
const EVIDENCE_LENGTH_MAX = 4096;

/** The headers that are there, with what is known of those that were checked. */
export function evidenceOf(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  checked: ReadonlyMap<string, Pick<Evidence, "scheme" | "key_id">>,
): readonly Evidence[] {
  return names.flatMap((header) => {
    const value = headerText(headers, header);
    const isKept = value !== undefined && value.length <= EVIDENCE_LENGTH_MAX;
    return isKept ? [{ header, value, ...checked.get(header) }] : [];
  });
}

/** Names a public key wherever it stands: the SHA-256 of its SPKI form. */
export function publicKeyId(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "hex");
}

/** Names a secret without giving it away: its HMAC over a constant. */
export function secretId(secret: KeyObject): string {
  return createHmac("sha256", secret).update("counterfoil/key-id/v1").digest("hex");
}

/** On the thread pool: one verification takes a quarter of a millisecond, and other webhooks wait. */
const verifyInPool = promisify(verify);

/** Whether the key made this signature over SHA-256 of the data. Never throws. */
export async function isSignedBy(
  key: VerifyKeyObjectInput,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  // What OpenSSL calls an error (bytes that are no DER, a padding that the key forbids) is no match.
  return verifyInPool("sha256", data, key, signature).catch(() => false);
}

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
