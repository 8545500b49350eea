import { canonicalJson } from "./exact/json.ts";
import type { Hashing } from "./hashing.ts";

/**
 * Identity, version 1: frozen. An event's id is the UUIDv5 (RFC 9562) of the RFC 8785 array
 * `[what, part, part, …]` in the namespace below; parts are strings or null. Two ingestors that
 * read the same fact derive the same id, which is what makes a repeat a repeat, also next month.
 * `identity.test.ts` holds vectors that must never change.
 */
export type Identity = readonly [what: string, ...parts: (string | null)[]];

const NAMESPACE = "5d1c0b0e-6f0a-5f0f-8b1d-0c9e6b1a7e21";

export function eventId(identity: Identity, hashing: Hashing): string {
  return uuidV5(canonicalArray(identity), hashing);
}

function canonicalArray(identity: Identity): string {
  let text = "[";
  for (const part of identity) text += `${text === "[" ? "" : ","}${JSON.stringify(part)}`;
  return `${text}]`;
}

/** (event, RFC 8785 of what a second copy adds or contradicts, or which translation and cause) */
export function amendmentId(
  what: string,
  eventId: string,
  content: unknown,
  hashing: Hashing,
): string {
  return uuidV5(canonicalArray([what, eventId, canonicalJson(content)]), hashing);
}

/**
 * What makes a delivery the same delivery: over the webhook, backfill and import channels its bytes
 * and payload type, whatever the notification id (which counts only where the body has no time of
 * its own); on the feed its place on the connection.
 */
export type DeliveryIdentity =
  | Readonly<{ channel: "feed"; connection: string; frame: number }>
  | Readonly<{
      channel: "webhook" | "backfill" | "import";
      provider: string;
      payloadType: string;
      sha256: string;
      notificationId?: string | null;
    }>;

export function deliveryId(delivery: DeliveryIdentity, hashing: Hashing): string {
  if (delivery.channel === "feed") {
    return eventId(["delivery", "feed", delivery.connection, String(delivery.frame)], hashing);
  }
  const { provider, channel, payloadType, sha256, notificationId } = delivery;
  const identity = ["delivery", provider, channel, payloadType, sha256] as const;
  return eventId(notificationId ? [...identity, notificationId] : identity, hashing);
}

const encoder = new TextEncoder();
const namespaceBytes = Uint8Array.from(NAMESPACE.replaceAll("-", "").match(/../g) ?? [], (byte) =>
  Number.parseInt(byte, 16),
);
let scratch = new Uint8Array(1024);
scratch.set(namespaceBytes);

function uuidV5(name: string, hashing: Hashing): string {
  if (scratch.length < 16 + name.length * 3) {
    scratch = new Uint8Array(16 + name.length * 4);
    scratch.set(namespaceBytes);
  }
  const { written } = encoder.encodeInto(name, scratch.subarray(16));
  const hex = hashing.sha1(scratch.subarray(0, 16 + written));
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  const head = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}`;
  return `${head}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}
