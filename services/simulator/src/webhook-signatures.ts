import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

export type ZeroHashKeys = Readonly<{
  /** Used as UTF-8 text, unlike the base64 secret of the provider's REST interface. */
  secret?: string;
}>;

/** The provider's present scheme covers body and time, the legacy one the body alone. */
export type ZeroHashScheme = "hmac" | "hmac-legacy";

export type ZeroHashEnvelope = Readonly<{
  body: string | Uint8Array;
  payloadType: string;
  notificationId: string;
  timestampMs: number;
}>;

/** Throw-away keys. */
export function createZeroHashKeys(): Required<ZeroHashKeys> {
  return { secret: randomBytes(24).toString("base64url") };
}

/** All headers of one Zero Hash webhook; signatures are hex without a prefix. */
export function zeroHashHeaders(
  envelope: ZeroHashEnvelope,
  { secret }: ZeroHashKeys,
  schemes: readonly ZeroHashScheme[] = ["hmac", "hmac-legacy"],
): Record<string, string> {
  const timestamp = String(envelope.timestampMs);
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "x-zh-hook-notification-id": envelope.notificationId,
    "x-zh-hook-payload-type": envelope.payloadType,
    "x-zh-hook-timestamp": timestamp,
  };
  if (secret === undefined) return headers;
  const hmac = (time: string) =>
    createHmac("sha256", secret).update(envelope.body).update(time).digest("hex");
  if (schemes.includes("hmac")) headers["x-zh-hook-signature"] = hmac(timestamp);
  if (schemes.includes("hmac-legacy")) headers["x-zh-hook-signature-256"] = hmac("");
  return headers;
}

export type Layer1Keys = Readonly<{ privateKey: KeyObject }>;

/** A throw-away secp256k1 key, or the given one (PKCS#8 or SEC1 PEM). */
export function createLayer1Keys(given: Readonly<{ privateKeyPem?: string }> = {}): Layer1Keys {
  const privateKey =
    given.privateKeyPem === undefined
      ? generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey
      : createPrivateKey(given.privateKeyPem);
  return { privateKey };
}

/** The public half as the provider hands it out: base64 of the DER SubjectPublicKeyInfo. */
export function layer1PublicKeyBase64(keys: Layer1Keys): string {
  const der = createPublicKey(keys.privateKey).export({ type: "spki", format: "der" });
  return der.toString("base64");
}

/**
 * Headers of one Layer1 webhook: the raw body alone is signed, and no time. Every other signature
 * has an s above half of the curve's order, as the provider's own example has.
 */
export function layer1Headers(
  body: string | Uint8Array,
  { privateKey }: Layer1Keys,
): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-signature": sign("sha256", Buffer.from(body), privateKey).toString("base64"),
  };
}
