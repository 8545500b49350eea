import { RecordTooLarge } from "@counterfoil/processing/ports/topic-errors";
import {
  BATCH_HEADER_BYTES,
  FOLLOWER_BYTES,
  type KafkaMessage,
  recordBytes,
} from "./record-size.ts";

/** A message and the topic's name. */
export type AddressedMessage = KafkaMessage & Readonly<{ topic: string }>;

/** Messages that are sent together, by topic, in their order. */
export type Chunk = ReadonlyMap<string, readonly KafkaMessage[]>;

/** More of one topic cost the client more than a further request does. */
const MESSAGES_MAX = 1000;

/**
 * Cuts a transaction's messages into requests, in order. Of a topic, all of a request may fall to one
 * partition, and the broker takes no more at once than the topic's limit.
 *
 * @param bytesMaxOf by topic: its `max.message.bytes`.
 * @throws RecordTooLarge where one message alone is beyond the limit.
 */
export function chunkRecords(
  messages: readonly AddressedMessage[],
  bytesMaxOf: (topic: string) => number,
): readonly Chunk[] {
  const chunks: Map<string, KafkaMessage[]>[] = [];
  let chunk = new Map<string, KafkaMessage[]>();
  let sizes = new Map<string, number>();
  for (const { topic, ...message } of messages) {
    const bytesMax = bytesMaxOf(topic);
    const bytes = recordBytes(message);
    checkSize({ topic, key: message.key, bytes: bytes + BATCH_HEADER_BYTES, bytesMax });
    const size = (sizes.get(topic) ?? BATCH_HEADER_BYTES) + bytes + FOLLOWER_BYTES;
    const ofTopic = chunk.get(topic) ?? [];
    const isFull = ofTopic.length > 0 && (size > bytesMax || ofTopic.length >= MESSAGES_MAX);
    if (isFull) {
      chunks.push(chunk);
      chunk = new Map();
      sizes = new Map();
    }
    sizes.set(topic, isFull ? BATCH_HEADER_BYTES + bytes : size);
    if (isFull || ofTopic.length === 0) chunk.set(topic, [message]);
    else ofTopic.push(message);
  }
  if (chunk.size > 0) chunks.push(chunk);
  return chunks;
}

function checkSize({
  topic,
  key,
  bytes,
  bytesMax,
}: Readonly<{ topic: string; key: string; bytes: number; bytesMax: number }>): void {
  if (bytes <= bytesMax) return;
  throw new RecordTooLarge(
    `the record of ${key} takes ${bytes} bytes, and topic ${topic} takes at most ${bytesMax} (max.message.bytes): raise it to ${bytes} or more; the record is not left out, so nothing is published until then`,
  );
}
