import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export type Padding = "rsa_pss" | "rsa_pkcs1";

export const SECRET = "a secret as UTF-8 text: ü";
export const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const OTHER_RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });

export const BODY = '{"run_id":"94087","balance":"0.35"}';
export const TIMESTAMP_MS = Date.UTC(2026, 0, 1);

const RSA_PADDINGS = {
  rsa_pss: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  rsa_pkcs1: { padding: constants.RSA_PKCS1_PADDING },
} as const;

export function hmacHex(signed: string | Uint8Array, secret = SECRET): string {
  return createHmac("sha256", secret).update(signed).digest("hex");
}

export function rsaHex(
  signed: string | Uint8Array,
  padding: Padding = "rsa_pss",
  key: KeyObject = RSA.privateKey,
): string {
  return sign("sha256", Buffer.from(signed), { key, ...RSA_PADDINGS[padding] }).toString("hex");
}

/** The headers of a webhook with all four signatures, or with those that are named. */
export function zeroHashHeaders(
  body: string | Uint8Array = BODY,
  names: readonly (keyof typeof SIGNATURES)[] = ["hmac", "rsa", "hmac_legacy", "rsa_legacy"],
  timestamp = String(TIMESTAMP_MS),
): Record<string, string> {
  const headers: Record<string, string> = { "x-zh-hook-timestamp": timestamp };
  for (const name of names) {
    const { header, isTimed, signature } = SIGNATURES[name];
    const signed = Buffer.concat([Buffer.from(body), Buffer.from(isTimed ? timestamp : "")]);
    headers[header] = signature(signed);
  }
  return headers;
}

const SIGNATURES = {
  hmac: { header: "x-zh-hook-signature", isTimed: true, signature: hmacHex },
  rsa: { header: "x-zh-hook-rsa-signature", isTimed: true, signature: rsaHex },
  hmac_legacy: { header: "x-zh-hook-signature-256", isTimed: false, signature: hmacHex },
  rsa_legacy: { header: "x-zh-hook-rsa-signature-256", isTimed: false, signature: rsaHex },
} as const;
