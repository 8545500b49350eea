import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

/** What the provider signs with: a shared secret, and an RSA key made for webhooks alone. */
export type ZeroHashKeys = Readonly<{
  /** Used as UTF-8 text, unlike the base64 secret of the provider's REST interface. */
  secret?: string;
  rsaPrivateKey?: KeyObject;
}>;

export type ZeroHashScheme = "hmac" | "hmac-legacy" | "rsa" | "rsa-legacy";

/** The provider names no padding; its consumers found PSS, and fall back to PKCS#1 v1.5. */
export type RsaPadding = "pss" | "pkcs1";

export type ZeroHashEnvelope = Readonly<{
  body: string | Uint8Array;
  payloadType: string;
  notificationId: string;
  timestampMs: number;
}>;

export type ZeroHashSigningOptions = Readonly<{
  /** All that the keys allow, unless given. */
  schemes?: readonly ZeroHashScheme[];
  rsaPadding?: RsaPadding;
}>;

/** Throw-away keys; what is given is kept. */
export function createZeroHashKeys(
  given: Readonly<{ secret?: string; rsaPrivateKeyPem?: string }> = {},
): Required<ZeroHashKeys> {
  return {
    secret: given.secret ?? randomBytes(24).toString("base64url"),
    rsaPrivateKey:
      given.rsaPrivateKeyPem === undefined
        ? generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
        : createPrivateKey(given.rsaPrivateKeyPem),
  };
}

/** The public half as consumers may get it: `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`. */
export function rsaPublicKeyPem(privateKey: KeyObject, type: "spki" | "pkcs1"): string {
  return createPublicKey(privateKey).export({ type, format: "pem" }).toString();
}

/** All headers of one Zero Hash webhook; signatures are hex without a prefix. */
export function zeroHashHeaders(
  envelope: ZeroHashEnvelope,
  keys: ZeroHashKeys,
  options: ZeroHashSigningOptions = {},
): Record<string, string> {
  const timestamp = String(envelope.timestampMs);
  const legacy = Buffer.from(envelope.body);
  const timed = Buffer.concat([legacy, Buffer.from(timestamp)]);
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "x-zh-hook-notification-id": envelope.notificationId,
    "x-zh-hook-payload-type": envelope.payloadType,
    "x-zh-hook-timestamp": timestamp,
  };
  const padding = options.rsaPadding ?? "pss";
  for (const scheme of options.schemes ?? schemesOf(keys)) {
    if (scheme === "hmac") headers["x-zh-hook-signature"] = hmac(timed, keys);
    if (scheme === "hmac-legacy") headers["x-zh-hook-signature-256"] = hmac(legacy, keys);
    if (scheme === "rsa") headers["x-zh-hook-rsa-signature"] = rsa(timed, keys, padding);
    if (scheme === "rsa-legacy")
      headers["x-zh-hook-rsa-signature-256"] = rsa(legacy, keys, padding);
  }
  return headers;
}

function schemesOf(keys: ZeroHashKeys): readonly ZeroHashScheme[] {
  const hmacSchemes: ZeroHashScheme[] = keys.secret === undefined ? [] : ["hmac", "hmac-legacy"];
  const rsaSchemes: ZeroHashScheme[] =
    keys.rsaPrivateKey === undefined ? [] : ["rsa", "rsa-legacy"];
  return [...hmacSchemes, ...rsaSchemes];
}

function hmac(signed: Uint8Array, { secret }: ZeroHashKeys): string {
  if (secret === undefined) throw new Error("an HMAC signature was asked for without a secret");
  return createHmac("sha256", secret).update(signed).digest("hex");
}

function rsa(signed: Uint8Array, { rsaPrivateKey: key }: ZeroHashKeys, padding: RsaPadding) {
  if (key === undefined) throw new Error("an RSA signature was asked for without a private key");
  const parameters =
    padding === "pss"
      ? {
          key,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : { key, padding: constants.RSA_PKCS1_PADDING };
  return sign("sha256", signed, parameters).toString("hex");
}
