import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { deliveryId } from "@counterfoil/core/identity";
import type { ReadDelivery } from "@counterfoil/core/ingest/decide-delivery";
import type { FeedSession } from "@counterfoil/core/ingest/feed-session";
import type { Reading, Translations } from "@counterfoil/core/translate/translation";
import type { Delivery } from "./ports/ingest.ts";

export type PreparedDelivery = ReadDelivery;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Everything about a delivery that needs no look-up: its digest, its id, what its bytes say. */
export function prepareDelivery(
  delivery: Delivery,
  { present, versions }: Translations,
  hashing: Hashing,
  session: FeedSession | null = null,
): PreparedDelivery {
  const { provider, channel, payloadType, place, bytes, receivedAt, verdict } = delivery;
  const { notificationId } = delivery;
  const translate = versions[present];
  if (translate === undefined) throw new Error(`there is no translation ${present}`);
  const sha256 = hashing.sha256(bytes);
  const text = decodeBody(bytes);
  const source = { provider, channel, payloadType, text, place, receivedAt, notificationId };
  const read = translate(source, hashing);
  const order =
    read.ok && place !== null && session !== null
      ? session.orderOf({ place, facts: read.facts, receivedAt })
      : (delivery.order ?? null);
  const reading = order === null ? read : translate({ ...source, order }, hashing);
  const { sentAt, ...verified } = verdict;
  return {
    id: deliveryId(
      channel === "feed" && place !== null
        ? { channel, ...place }
        : {
            channel: channel === "feed" ? "webhook" : channel,
            ...{ provider, payloadType, sha256 },
            notificationId: isTimeless(reading) ? notificationId : null,
          },
      hashing,
    ),
    received: {
      provider,
      channel,
      payload_type: payloadType,
      ...(notificationId === null ? {} : { notification_id: notificationId }),
      ...(place ?? {}),
      verdict: sentAt === undefined ? verified : { ...verified, sent_at: formatTime(sentAt) },
      sha256,
      length: bytes.length,
      received_at: formatTime(receivedAt),
      translation: present,
      ...(order === null
        ? {}
        : { not_before: formatTime(order.notBefore), follows: order.follows }),
    },
    correlationId: delivery.correlationId,
    reading,
  };
}

/** Whether the body has no time of its own: then the same bytes may be another statement. */
function isTimeless(reading: Reading): boolean {
  return reading.ok && reading.facts.some(({ data }) => "notification_id" in data);
}

/** The text of a body; null where it is not UTF-8. */
export function decodeBody(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
