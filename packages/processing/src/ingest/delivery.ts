import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { deliveryId } from "@counterfoil/core/identity";
import type { ReadDelivery } from "@counterfoil/core/ingest/decide-delivery";
import type { FeedSession } from "@counterfoil/core/ingest/feed-session";
import { otherDeliveries } from "@counterfoil/core/ingest/quarantine";
import { readData } from "@counterfoil/core/stream/read-event";
import {
  type Arrival,
  type Reading,
  type SocketOrder,
  type Translations,
  unreadBy,
} from "@counterfoil/core/translate/translation";
import type { EventStream } from "../ports/event-stream.ts";
import type { Delivery } from "../ports/ingest.ts";

/** A delivery ready to be decided, on arrival and when its stored bytes are read again. */
export type PreparedDelivery = ReadDelivery;

/** Computes what needs no lookup: a delivery's digest, its id, and the facts in its bytes. */
export function prepareDelivery(
  delivery: Delivery,
  { present, versions }: Translations,
  hashing: Hashing,
  session: FeedSession | null = null,
): PreparedDelivery {
  const { provider, channel, payloadType, place, bytes, receivedAt, notificationId } = delivery;
  const translate = versions[present];
  if (translate === undefined) throw new Error(`there is no translation ${present}`);
  const sha256 = hashing.sha256(bytes);
  const text = decodeBody(bytes);
  const source = { provider, channel, payloadType, text, place, receivedAt, notificationId };
  const read = translate(source, hashing);
  const ordered =
    read.ok && place !== null && session !== null
      ? orderOn(session, { place, facts: read.facts, receivedAt })
      : { order: delivery.order ?? null, unread: null };
  const { order, unread } = ordered;
  const reading = unread ?? (order === null ? read : translate({ ...source, order }, hashing));
  const as = { sha256, reading, isTimeless: isTimeless(reading), order, translation: present };
  return preparedAs(delivery, as, hashing);
}

type OnSocket = Readonly<{ order: SocketOrder | null; unread: (Reading & { ok: false }) | null }>;

/** The order of a frame on its socket. An error must not stop the frames behind it. */
export function orderOn(
  session: FeedSession,
  frame: Parameters<FeedSession["orderOf"]>[0],
): OnSocket {
  try {
    return { order: session.orderOf(frame), unread: null };
  } catch (error) {
    return { order: null, unread: unreadBy(error) };
  }
}

/** How the bytes of a delivery were read. */
type ReadAs = Readonly<{
  sha256: string;
  reading: Reading;
  /** The body has no timestamp, so the same bytes may report another statement. */
  isTimeless: boolean;
  order: SocketOrder | null;
  translation: number;
}>;

/** Prepares a delivery whose bytes are already read. */
export function preparedAs(
  delivery: Delivery,
  { sha256, reading, isTimeless, order, translation }: ReadAs,
  hashing: Hashing,
): PreparedDelivery {
  const { provider, channel, payloadType, place, bytes, receivedAt, verdict } = delivery;
  const { notificationId, traceparent } = delivery;
  const { sentAt, ...verified } = verdict;
  const received = {
    provider,
    channel,
    payload_type: payloadType,
    ...(notificationId === null ? {} : { notification_id: notificationId }),
    ...(place ?? {}),
    verdict: sentAt === undefined ? verified : { ...verified, sent_at: formatTime(sentAt) },
    sha256,
    length: bytes.length,
    received_at: formatTime(receivedAt),
    translation,
    ...(order === null ? {} : { not_before: formatTime(order.notBefore), follows: order.follows }),
    ...(traceparent !== undefined && { traceparent }),
  };
  return {
    id: deliveryId(
      channel === "feed" && place !== null
        ? { channel, ...place }
        : {
            channel: channel === "feed" ? "webhook" : channel,
            ...{ provider, payloadType, sha256 },
            notificationId: isTimeless ? notificationId : null,
          },
      hashing,
    ),
    received,
    correlationId: delivery.correlationId,
    reading,
    others: otherDeliveries(received, reading, hashing),
  };
}

/** Whether a body without a timestamp is identified by its notification. */
export function isTimeless(reading: Reading): boolean {
  return reading.ok && reading.facts.some(({ data }) => "notification_id" in data);
}

/** The stored bytes of a recorded delivery; null if they were erased. */
export function bytesOf(received: RecordedEvent, stream: EventStream): Promise<Uint8Array | null> {
  return stream.body((readData(received) as DataOf<"DeliveryReceived">).sha256);
}

/** Where and when a recorded delivery arrived. */
export function arrivalOf(received: RecordedEvent): Arrival {
  const data = readData(received) as DataOf<"DeliveryReceived">;
  const { connection, frame, provider, channel } = data;
  return {
    provider,
    channel,
    payloadType: data.payload_type,
    place: connection !== undefined && frame !== undefined ? { connection, frame } : null,
    receivedAt: timeOf(data.received_at),
    ...socketOrder(data),
    notificationId: data.notification_id ?? null,
  };
}

/** The recorded order of a delivery's frame on its socket. */
export function socketOrder({
  not_before,
  follows,
}: Pick<DataOf<"DeliveryReceived">, "not_before" | "follows">): { order?: SocketOrder } {
  if (not_before === undefined || follows === undefined) return {};
  return { order: { notBefore: timeOf(not_before), follows } };
}

/** The delivery as it was received; null if its bytes were erased. */
export async function storedDelivery(
  stream: EventStream,
  event: RecordedEvent,
): Promise<Delivery | null> {
  const received = readData(event) as DataOf<"DeliveryReceived">;
  const bytes = await stream.body(received.sha256);
  if (bytes === null) return null;
  const { connection, frame, verdict, traceparent } = received;
  const { sent_at, signature, scheme, key, evidence } = verdict;
  return {
    provider: received.provider,
    channel: received.channel,
    payloadType: received.payload_type,
    notificationId: received.notification_id ?? null,
    place: connection !== undefined && frame !== undefined ? { connection, frame } : null,
    verdict: {
      signature,
      ...(scheme === undefined ? {} : { scheme }),
      ...(key === undefined ? {} : { key }),
      ...(sent_at === undefined ? {} : { sentAt: timeOf(sent_at) }),
      ...(evidence === undefined ? {} : { evidence }),
    },
    bytes,
    receivedAt: timeOf(received.received_at),
    correlationId: event.correlation_id,
    ...(traceparent !== undefined && { traceparent }),
    ...socketOrder(received),
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a body; null if it is not UTF-8. */
export function decodeBody(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

const PIECE_BYTES = 512 * 1024;

/**
 * The text of a large body in pieces.
 *
 * @throws TypeError at what is not UTF-8
 */
export function* textPieces(bytes: Uint8Array): Generator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield decoder.decode(bytes.subarray(at, at + PIECE_BYTES), { stream: true });
  }
  yield decoder.decode();
}
