import {
  constants,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from "node:crypto";
import { type Nanos, parseTime, SECOND } from "@counterfoil/core/exact/time";
import {
  evidenceOf,
  headerText,
  isSignedBy,
  type PublicKeyRule,
  parsePublicKeys,
  publicKeyId,
  refused,
  type SignatureResult,
  type SignedRequest,
  secretId,
  type VerifySignature,
} from "./signature.ts";

export type ZeroHashVerifierOptions = Readonly<{
  /** HMAC secrets, used as UTF-8 text. */
  secrets: readonly string[];
  /** RSA public keys: PEM, or base64 of SPKI or PKCS#1. */
  publicKeys: readonly string[];
  /** Refuse what was signed more than 5 minutes off, instead of recording it as `stale`. */
  rejectStale: boolean;
  /** Refuse what only a legacy signature vouches for: nothing says when it was signed. */
  requireTimestamped?: boolean;
  /**
   * A request was accepted by its legacy signature alone. `isDowngrade`: this process has seen the
   * timestamped scheme valid before, so somebody may have stripped it to escape the clock.
   */
  onLegacyOnly?: (isDowngrade: boolean) => void;
}>;

/**
 * Verifies Zero Hash webhooks: up to four signatures, hex, over the raw body or, in
 * the newer scheme, over the body followed by the text of `x-zh-hook-timestamp` (UNIX ms). At least
 * one that can be checked must be there, and each that can be checked must be valid.
 *
 * The verdict's `scheme` lists what matched, joined by `+`, with the RSA padding; `key` lists the
 * number of each one's key in the configuration, from 1. Only a signed timestamp becomes `sentAt`.
 *
 * @throws StartupError configuration_invalid for a key that cannot be read
 */
export function createZeroHashVerifier(options: ZeroHashVerifierOptions): VerifySignature {
  const matchers: Matchers = {
    hmac: hmacMatcher(options.secrets),
    rsa: rsaMatcher(parsePublicKeys(options.publicKeys, RSA_KEY)),
  };
  let timestampedSeen = false;
  return async (request) => {
    const matched = await matchAll(request, matchers);
    if (!matched.ok) return matched;
    const isTimestamped = matched.matches.some(({ check }) => check.timed);
    if (!isTimestamped && options.requireTimestamped) return LEGACY_REFUSED;
    if (isTimestamped) timestampedSeen = true;
    else options.onLegacyOnly?.(timestampedSeen);
    return judge(matched.matches, request, options.rejectStale);
  };
}

const LEGACY_REFUSED = refused(
  "signature_missing",
  "only a legacy signature, without a signed timestamp: COUNTERFOIL_REQUIRE_TIMESTAMPED_SIGNATURE refuses it",
);

type Kind = "hmac" | "rsa";

type Check = Readonly<{ header: string; kind: Kind; timed: boolean }>;

/** Timestamped before legacy, so that the verdict begins with the strongest. */
const CHECKS: readonly Check[] = [
  { header: "x-zh-hook-signature", kind: "hmac", timed: true },
  { header: "x-zh-hook-rsa-signature", kind: "rsa", timed: true },
  { header: "x-zh-hook-signature-256", kind: "hmac", timed: false },
  { header: "x-zh-hook-rsa-signature-256", kind: "rsa", timed: false },
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
    // Without this a legacy signature would pass for a timestamped one: body ‖ "" is the body.
    if (check.timed && !DIGITS.test(timestamp ?? "")) {
      return refused("signature_invalid", `${TIMESTAMP} is missing or not a number`);
    }
    if (!HEX.test(hex)) return refused("signature_invalid", `${check.header} is not hex`);
    const signed = check.timed ? [request.body, Buffer.from(timestamp ?? "")] : [request.body];
    const found = await match(signed, Buffer.from(hex, "hex"));
    if (found === null) return refused("signature_invalid", `${check.header} does not match`);
    matches.push({ ...found, check });
  }
  if (matches.length > 0) return { ok: true, matches };
  const headers = CHECKS.filter(({ kind }) => matchers[kind]).map(({ header }) => header);
  return refused("signature_missing", `expected at least one of ${headers.join(", ")}`);
}

const DIGITS = /^\d{1,19}$/;
const HEX = /^(?:[0-9a-f]{2})+$/i;

/** The provider's replay window, in both directions. */
const WINDOW: Nanos = 300n * SECOND;

function judge(
  matches: readonly Match[],
  { headers, receivedAt }: SignedRequest,
  rejectStale: boolean,
): SignatureResult {
  const checked = new Map(
    matches.map(({ check, scheme, key_id }) => [check.header, { scheme, key_id }]),
  );
  const found = {
    scheme: matches
      .map(({ scheme, check }) => `${scheme}${check.timed ? "" : "_legacy"}`)
      .join("+"),
    key: matches.map(({ key }) => key).join("+"),
    evidence: [...evidenceOf(headers, SIGNED_HEADERS, checked)],
  };
  if (!matches.some(({ check }) => check.timed)) {
    return { ok: true, verdict: { signature: "valid", ...found } };
  }
  const sentAt = parseTime(headerText(headers, TIMESTAMP) ?? "");
  const isCurrent = sentAt !== null && distance(sentAt, receivedAt) <= WINDOW;
  if (!isCurrent && rejectStale) {
    return refused("timestamp_stale", `${TIMESTAMP} is more than 5 minutes from now`);
  }
  const signature = isCurrent ? "valid" : "stale";
  return { ok: true, verdict: { signature, ...found, ...(sentAt !== null && { sentAt }) } };
}

const distance = (a: Nanos, b: Nanos): Nanos => (a < b ? b - a : a - b);

/** `key`: its number in the list, from 1. */
type MatchingKey = Readonly<{ key: number; key_id: string; scheme: string }>;

/** Which key made this signature over the joined parts; null where none did. Never throws. */
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
