import { createHmac } from "node:crypto";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import type { FeedConfig } from "./feed-config.ts";

export type FeedMessage = "subscribe" | "ping";

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

/** The text of a message, signed for this very second: base64 of HMAC-SHA256. */
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
    };
    const signed = config.signedText.replace(/\{(\w+)\}/g, (_, field) => values[field] ?? "");
    const signature = createHmac("sha256", secret).update(signed).digest("base64");
    return JSON.stringify({ ...message, key, passphrase, timestamp, signature });
  };
}
