import { createHmac } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { BASE64 } from "../signatures.ts";

export type FeedConfig = Readonly<{
  url: string;
  key: string;
  passphrase: string;
  secret: Buffer;
  signedText: string;
  frameBytesMax: number;
}>;

/**
 * What `COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT` may refer to. The provider does not document what a
 * feed message's signature covers; the default follows its REST interface, which signs timestamp,
 * method, route and body without separators.
 *
 * - `timestamp`: seconds since 1970, as in the message
 * - `method`: `GET`, the request that opens a WebSocket
 * - `route`: the path of the feed's URL, `/` where it has none
 * - `body`: the JSON of the message's `body`, `{}` where it has none
 */
const PLACEHOLDERS = ["timestamp", "method", "route", "body"] as const;

const VARIABLES = [
  "COUNTERFOIL_ZEROHASH_FEED_URL",
  "COUNTERFOIL_ZEROHASH_FEED_KEY",
  "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
  "COUNTERFOIL_ZEROHASH_FEED_SECRET",
] as const;

/**
 * The feed to follow, null where none is configured.
 *
 * @throws StartupError configuration_invalid where it is set by half, naming what is missing, and
 *   where the secret or the signed text cannot be used
 */
export function feedConfigOf(config: Config): FeedConfig | null {
  const [url, key, passphrase, secret] = VARIABLES.map((variable) => config[variable]);
  const missing = VARIABLES.filter((variable) => config[variable] === undefined);
  if (missing.length === VARIABLES.length) return null;
  if (!url || !key || !passphrase || !secret) {
    throw invalid(`the feed is configured by half, missing: ${missing.join(", ")}`);
  }
  if (URL.parse(url)?.hash !== "") {
    throw invalid("COUNTERFOIL_ZEROHASH_FEED_URL: expected a URL without a fragment");
  }
  if (!BASE64.test(secret)) throw invalid("COUNTERFOIL_ZEROHASH_FEED_SECRET: expected base64");
  const { COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT: signedText } = config;
  assertKnownPlaceholders(signedText);
  const frameBytesMax = config.COUNTERFOIL_MAX_FRAME_BYTES;
  const secretBytes = Buffer.from(secret, "base64");
  return { url, key, passphrase, secret: secretBytes, signedText, frameBytesMax };
}

function assertKnownPlaceholders(signedText: string): void {
  const known: readonly string[] = PLACEHOLDERS;
  const unknown = [...signedText.matchAll(/\{(\w*)\}/g)].find(
    ([, name = ""]) => !known.includes(name),
  );
  if (unknown === undefined) return;
  const names = PLACEHOLDERS.map((name) => `{${name}}`).join(", ");
  throw invalid(`COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT: ${unknown[0]} is none of ${names}`);
}

function invalid(message: string): StartupError {
  return new StartupError("configuration_invalid", message);
}

type FeedMessage = "subscribe" | "ping";

/**
 * Both messages that the client sends. Without `useMultiChainAssetFormat` the provider leaves the
 * chain out of its asset codes, and USDC.ETH and USDC.SOL are both USDC.
 */
const MESSAGES: Readonly<Record<FeedMessage, Readonly<Record<string, unknown>>>> = {
  subscribe: {
    messageType: "subscribe",
    topic: "balances",
    useMultiChainAssetFormat: true,
    body: {},
  },
  ping: { messageType: "ping" },
};

/** The text of a message, signed for the second of `now`: base64 of HMAC-SHA256. */
export type SignMessage = (message: FeedMessage, now: Nanos) => string;

export function createSigner(
  config: Pick<FeedConfig, "url" | "key" | "passphrase" | "secret" | "signedText">,
): SignMessage {
  const { key, passphrase, secret } = config;
  const route = new URL(config.url).pathname;
  return (name, now) => {
    const message = MESSAGES[name];
    const timestamp = String(now / SECOND);
    const values: Readonly<Record<string, string>> = {
      timestamp,
      method: "GET",
      route,
      body: JSON.stringify(message.body ?? {}),
    } satisfies Record<(typeof PLACEHOLDERS)[number], string>;
    const signed = config.signedText.replace(/\{(\w+)\}/g, (_, field) => values[field] ?? "");
    const signature = createHmac("sha256", secret).update(signed).digest("base64");
    return JSON.stringify({ ...message, key, passphrase, timestamp, signature });
  };
}
