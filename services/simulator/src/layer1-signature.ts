import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";

/** The order n of secp256k1. With (r, s) also (r, n - s) is a valid signature. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const SCALAR_BYTES = 32;

export type Layer1Keys = Readonly<{ privateKey: KeyObject }>;

/** "high" forces s > n/2, which libraries that insist on low s refuse; the provider sends both. */
export type SForm = "any" | "high" | "low";

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

/** Headers of one Layer1 webhook: the raw body alone is signed, and no time. */
export function layer1Headers(
  body: string | Uint8Array,
  keys: Layer1Keys,
  sForm: SForm = "any",
): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-signature": signEcdsa(Buffer.from(body), keys, sForm).toString("base64"),
  };
}

function signEcdsa(signed: Uint8Array, { privateKey }: Layer1Keys, sForm: SForm): Buffer {
  // Bare r and s; DER is written below, because s may have to be exchanged first.
  const pair = sign("sha256", signed, { key: privateKey, dsaEncoding: "ieee-p1363" });
  const s = toInteger(pair.subarray(SCALAR_BYTES));
  const isHigh = s > CURVE_ORDER / 2n;
  const mirror = (sForm === "high" && !isHigh) || (sForm === "low" && isHigh);
  return derSequence([toInteger(pair.subarray(0, SCALAR_BYTES)), mirror ? CURVE_ORDER - s : s]);
}

function derSequence(integers: readonly bigint[]): Buffer {
  const content = Buffer.concat(integers.map(derInteger));
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  // DER integers are signed: a leading bit would make this one negative.
  const padded = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
}

function toInteger(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}
