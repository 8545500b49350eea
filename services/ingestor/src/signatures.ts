import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  hash,
  type KeyObject,
  timingSafeEqual,
  type VerifyKeyObjectInput,
  verify,
} from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import { StartupError } from "@counterfoil/contracts/http";
import { type Nanos, parseTime, SECOND } from "@counterfoil/core/exact/time";
import type { Delivery } from "@counterfoil/processing/ports/ingest";

type Verdict = Delivery["verdict"];

/** `detail` is shown to the sender and logged: it names headers, never their values. */
type SignatureRefusal = Readonly<{
  ok: false;
  code: "signature_missing" | "signature_invalid" | "timestamp_stale";
  detail: string;
}>;

type SignatureResult = Readonly<{ ok: true; verdict: Verdict }> | SignatureRefusal;

/** A webhook as it was received; `body` is exactly the bytes that were sent. */
type SignedRequest = Readonly<{
  headers: IncomingHttpHeaders;
  body: Uint8Array;
  receivedAt: Nanos;
}>;

/** Verifies a webhook. Never throws for any request. */
export type VerifySignature = (request: SignedRequest) => Promise<SignatureResult>;

export type ZeroHashVerifierOptions = Readonly<{
  /** HMAC secrets, used as UTF-8 text. */
  secrets: readonly string[];
  /** RSA public keys: PEM, or base64 of SPKI or PKCS#1. */
  publicKeys: readonly string[];
  /** Refuse a timestamp more than 5 minutes off, instead of recording the webhook as `stale`. */
  rejectStale: boolean;
  /** Refuse a webhook with only a legacy signature, which covers no timestamp. */
  requireTimestamped?: boolean;
  /**
   * A request was accepted by its legacy signature alone. `isDowngrade`: this process has verified a
   * timestamped signature before, so somebody may have removed it to avoid the timestamp check.
   */
  onLegacyOnly?: (isDowngrade: boolean) => void;
}>;

/**
 * Verifies Zero Hash webhooks: up to four signatures, hex, over the raw body or, in
 * the newer scheme, over the body followed by the text of `x-zh-hook-timestamp` (UNIX ms). At least
 * one signature must have a configured key, and each that has one must be valid.
 *
 * The verdict's `scheme` lists the matched schemes, joined by `+`, with the RSA padding; `key` lists
 * the number of each one's key in the configuration, from 1. Only a signed timestamp becomes `sentAt`.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
export function createZeroHashVerifier(options: ZeroHashVerifierOptions): VerifySignature {
  const matchers: Matchers = {
    hmac: hmacMatcher(options.secrets),
    rsa: rsaMatcher(parsePublicKeys(options.publicKeys, RSA_KEY)),
  };
  let hasSeenTimestamped = false;
  return async (request) => {
    const matched = await matchAll(request, matchers);
    if (!matched.ok) return matched;
    const isTimestamped = matched.matches.some(({ check }) => check.isTimestamped);
    if (!isTimestamped && options.requireTimestamped) return LEGACY_REFUSAL;
    if (isTimestamped) hasSeenTimestamped = true;
    else options.onLegacyOnly?.(hasSeenTimestamped);
    return checkTimestamp(matched.matches, request, options.rejectStale);
  };
}

const LEGACY_REFUSAL = refusal(
  "signature_missing",
  "only a legacy signature, without a signed timestamp: COUNTERFOIL_REQUIRE_TIMESTAMPED_SIGNATURE refuses it",
);

type Kind = "hmac" | "rsa";

type Check = Readonly<{ header: string; kind: Kind; isTimestamped: boolean }>;

/** Timestamped before legacy, so that the verdict begins with the strongest. */
const CHECKS: readonly Check[] = [
  { header: "x-zh-hook-signature", kind: "hmac", isTimestamped: true },
  { header: "x-zh-hook-rsa-signature", kind: "rsa", isTimestamped: true },
  { header: "x-zh-hook-signature-256", kind: "hmac", isTimestamped: false },
  { header: "x-zh-hook-rsa-signature-256", kind: "rsa", isTimestamped: false },
];

const TIMESTAMP = "x-zh-hook-timestamp";
const SIGNED_HEADERS = [TIMESTAMP, ...CHECKS.map(({ header }) => header)];

type Matchers = Readonly<Record<Kind, Matcher | null>>;

type Match = MatchingKey & Readonly<{ check: Check }>;

type Matched =
  | Readonly<{ ok: true; matches: readonly Match[] }>
  | (SignatureResult & { ok: false });

async function matchAll(request: SignedRequest, matchers: Matchers): Promise<Matched> {
  const timestamp = headerText(request.headers, TIMESTAMP);
  const matches: Match[] = [];
  for (const check of CHECKS) {
    const hex = headerText(request.headers, check.header);
    const match = matchers[check.kind];
    if (hex === undefined || match === null) continue;
    // With an empty timestamp, a legacy signature would verify as a timestamped one: body ‖ "" is the body.
    if (check.isTimestamped && !DIGITS.test(timestamp ?? "")) {
      return refusal("signature_invalid", `${TIMESTAMP} is missing or not a number`);
    }
    if (!HEX.test(hex)) return refusal("signature_invalid", `${check.header} is not hex`);
    const signed = check.isTimestamped
      ? [request.body, Buffer.from(timestamp ?? "")]
      : [request.body];
    const found = await match(signed, Buffer.from(hex, "hex"));
    if (found === null) return refusal("signature_invalid", `${check.header} does not match`);
    matches.push({ ...found, check });
  }
  if (matches.length > 0) return { ok: true, matches };
  const headers = CHECKS.filter(({ kind }) => matchers[kind]).map(({ header }) => header);
  return refusal("signature_missing", `expected at least one of ${headers.join(", ")}`);
}

const DIGITS = /^\d{1,19}$/;
const HEX = /^(?:[0-9a-f]{2})+$/i;

/** The provider's replay window, in both directions. */
const WINDOW: Nanos = 300n * SECOND;

/** Checks the signed timestamp against the replay window, and composes the verdict. */
function checkTimestamp(
  matches: readonly Match[],
  { headers, receivedAt }: SignedRequest,
  rejectStale: boolean,
): SignatureResult {
  const checked = new Map(
    matches.map(({ check, scheme, key_id }) => [check.header, { scheme, key_id }]),
  );
  const found = {
    scheme: matches
      .map(({ scheme, check }) => `${scheme}${check.isTimestamped ? "" : "_legacy"}`)
      .join("+"),
    key: matches.map(({ key }) => key).join("+"),
    evidence: [...evidenceOf(headers, SIGNED_HEADERS, checked)],
  };
  if (!matches.some(({ check }) => check.isTimestamped)) {
    return { ok: true, verdict: { signature: "valid", ...found } };
  }
  const sentAt = parseTime(headerText(headers, TIMESTAMP) ?? "");
  const isCurrent = sentAt !== null && distance(sentAt, receivedAt) <= WINDOW;
  if (!isCurrent && rejectStale) {
    return refusal("timestamp_stale", `${TIMESTAMP} is more than 5 minutes from now`);
  }
  const signature = isCurrent ? "valid" : "stale";
  return { ok: true, verdict: { signature, ...found, ...(sentAt !== null && { sentAt }) } };
}

const distance = (a: Nanos, b: Nanos): Nanos => (a < b ? b - a : a - b);

/** `key`: its number in the list, from 1. */
type MatchingKey = Readonly<{ key: number; key_id: string; scheme: string }>;

/** Finds the key that made this signature over the joined parts; null if none did. Never throws. */
type Matcher = (signed: readonly Uint8Array[], signature: Buffer) => Promise<MatchingKey | null>;

/** HMAC-SHA256 with any of the secrets (UTF-8 text); null without any. */
function hmacMatcher(secrets: readonly string[]): Matcher | null {
  if (secrets.length === 0) return null;
  const keys = secrets.map((secret) => createSecretKey(secret, "utf8"));
  const ids = keys.map(secretId);
  return async (signed, signature) => {
    const index = keys.findIndex((key) => {
      const hmac = createHmac("sha256", key);
      for (const part of signed) hmac.update(part);
      const expected = hmac.digest();
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    });
    return index === -1 ? null : { key: index + 1, key_id: ids[index] ?? "", scheme: "hmac" };
  };
}

/**
 * The provider does not document the padding. Its consumers found PSS to work, and fall back to
 * PKCS#1 v1.5.
 */
const PADDINGS = [
  {
    scheme: "rsa_pss",
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_AUTO,
  },
  { scheme: "rsa_pkcs1", padding: constants.RSA_PKCS1_PADDING },
] as const;

/** RSA-SHA256 under any of the keys, in either padding; null without any. */
function rsaMatcher(keys: readonly KeyObject[]): Matcher | null {
  if (keys.length === 0) return null;
  const ids = keys.map(publicKeyId);
  return async (signed, signature) => {
    const data = Buffer.concat(signed);
    for (const [index, key] of keys.entries()) {
      for (const { scheme, ...padding } of PADDINGS) {
        if (await isSignedBy({ key, ...padding }, data, signature))
          return { key: index + 1, key_id: ids[index] ?? "", scheme };
      }
    }
    return null;
  };
}

const RSA_KEY: PublicKeyRule = {
  variable: "COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY",
  expected: "an RSA public key as PEM, or as base64 of its SPKI or PKCS#1 form",
  accepts: (key) => key.asymmetricKeyType === "rsa" || key.asymmetricKeyType === "rsa-pss",
  types: ["spki", "pkcs1"],
};

const LAYER1_SIGNATURE = "x-signature";
const LAYER1_SCHEME = "ecdsa_secp256k1";

/**
 * Verifies Layer1 webhooks: `x-signature` is the base64 of a DER ECDSA signature over
 * secp256k1 and SHA-256 of the raw body alone. High S values are valid: the provider's own example
 * has one. The signature covers no timestamp, so the verdict has no `sentAt`.
 *
 * @param publicKeys PEM or base64 of the DER SubjectPublicKeyInfo
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
export function createLayer1Verifier(publicKeys: readonly string[]): VerifySignature {
  const keys = parsePublicKeys(publicKeys, SECP256K1_KEY);
  const ids = keys.map(publicKeyId);
  return async ({ headers, body }) => {
    const base64 = headerText(headers, LAYER1_SIGNATURE);
    if (base64 === undefined) return refusal("signature_missing", `expected ${LAYER1_SIGNATURE}`);
    if (!BASE64.test(base64))
      return refusal("signature_invalid", `${LAYER1_SIGNATURE} is not base64`);
    const number = await layer1KeyNumber(keys, body, Buffer.from(base64, "base64"));
    if (number === null) return refusal("signature_invalid", `${LAYER1_SIGNATURE} does not match`);
    const found = { scheme: LAYER1_SCHEME, key_id: ids[number - 1] ?? "" };
    const evidence = [
      ...evidenceOf(headers, [LAYER1_SIGNATURE], new Map([[LAYER1_SIGNATURE, found]])),
    ];
    const verdict = {
      signature: "valid",
      scheme: LAYER1_SCHEME,
      key: String(number),
      evidence,
    } as const;
    return { ok: true, verdict };
  };
}

const SECP256K1_KEY: PublicKeyRule = {
  variable: "COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY",
  expected: "an ECDSA public key on secp256k1 as PEM, or as base64 of its SPKI form",
  accepts: (key) => key.asymmetricKeyDetails?.namedCurve === "secp256k1",
  types: ["spki"],
};

/** @returns the number of the key in the list, from 1; null if none made the signature */
async function layer1KeyNumber(
  keys: readonly KeyObject[],
  body: Uint8Array,
  signature: Buffer,
): Promise<number | null> {
  for (const [index, key] of keys.entries()) {
    if (await isSignedBy({ key, dsaEncoding: "der" }, body, signature)) return index + 1;
  }
  return null;
}

function refusal(code: SignatureRefusal["code"], detail: string): SignatureRefusal {
  return { ok: false, code, detail };
}

/**
 * The text of a header. Node joins repeated headers by a comma, so a repeated signature is not valid.
 * An empty header counts as missing.
 */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(", ") : value;
  return text === "" ? undefined : text;
}

/** A header as it was received, with the scheme and key that verified it. */
type Evidence = NonNullable<Verdict["evidence"]>[number];

/** Longer than any signature: unchecked headers must not make events large. */
const EVIDENCE_LENGTH_MAX = 4096;

/** The headers that are present, each with its scheme and key if it was checked. */
function evidenceOf(
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

/** Identifies a public key in whatever form it is configured: the SHA-256 of its SPKI form. */
function publicKeyId(key: KeyObject): string {
  return hash("sha256", key.export({ type: "spki", format: "der" }), "hex");
}

/** Identifies a secret without revealing it: its HMAC over a constant. */
function secretId(secret: KeyObject): string {
  return createHmac("sha256", secret).update("counterfoil/key-id/v1").digest("hex");
}

/** On the thread pool: one verification takes 0.25 ms, which would block other webhooks. */
const verifyInPool = promisify(verify);

/** Whether the key made this signature over SHA-256 of the data. Never throws. */
async function isSignedBy(
  key: VerifyKeyObjectInput,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  // An OpenSSL error (bytes that are not DER, a padding that the key forbids) counts as no match.
  return verifyInPool("sha256", data, key, signature).catch(() => false);
}

type DerType = "spki" | "pkcs1";

type PublicKeyRule = Readonly<{
  /** The environment variable that holds the list, for the error message. */
  variable: string;
  /** A description of the expected value, for the error message. */
  expected: string;
  accepts: (key: KeyObject) => boolean;
  types: readonly DerType[];
}>;

/**
 * Parses a variable's list of public keys, each as PEM or as the base64 of its DER form. PEM may
 * have lost its line breaks (`\n` as two characters, or none), as happens in environment files.
 *
 * @throws StartupError configuration_invalid, which names the variable and the key's number in the
 *   list from 1, but never prints the key: it may be a private one, configured by mistake.
 */
function parsePublicKeys(texts: readonly string[], rule: PublicKeyRule): KeyObject[] {
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
      // Not this form; try the next one.
    }
  }
  return null;
}
