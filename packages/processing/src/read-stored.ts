import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Reading, SocketOrder, Translations } from "@counterfoil/core/translate/translation";
import type { EventStream } from "./ports/event-stream.ts";
import { decodeBody } from "./prepare-delivery.ts";

type Options = Readonly<{
  stream: EventStream;
  translations: Translations;
  hashing: Hashing;
  /** What the frame's socket says; else what was recorded of that. */
  order?: SocketOrder;
}>;

/**
 * Reads a recorded delivery again, from its stored bytes.
 *
 * @returns what a translation finds in it; null where the bytes are gone.
 */
export async function readStored(
  received: RecordedEvent,
  translation: number,
  { stream, translations, hashing, order }: Options,
): Promise<Reading | null> {
  const data = readData(received) as DataOf<"DeliveryReceived">;
  const translate = translations.versions[translation];
  if (translate === undefined) throw new Error(`there is no translation ${translation}`);
  const body = await stream.body(data.sha256);
  if (body === null) return null;
  const { connection, frame, provider, channel } = data;
  const place = connection !== undefined && frame !== undefined ? { connection, frame } : null;
  const source = {
    provider,
    channel,
    payloadType: data.payload_type,
    text: decodeBody(body),
    place,
    receivedAt: timeOf(data.received_at),
    ...(order === undefined ? socketOrder(data) : { order }),
    notificationId: data.notification_id ?? null,
  };
  return translate(source, hashing);
}

/** What a delivery says of its frame's place on the socket. */
export function socketOrder({
  not_before,
  follows,
}: Pick<DataOf<"DeliveryReceived">, "not_before" | "follows">): { order?: SocketOrder } {
  if (not_before === undefined || follows === undefined) return {};
  return { order: { notBefore: timeOf(not_before), follows } };
}
