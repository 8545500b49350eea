import { cutText } from "@counterfoil/core/exact/text";

/** A message in the client's format. */
type OutgoingMessage = Readonly<{
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/** A message with the topic's name. */
export type AddressedMessage = OutgoingMessage & Readonly<{ topic: string }>;

/** Messages sent in one request, by topic, in order. */
export type Chunk = ReadonlyMap<string, readonly OutgoingMessage[]>;

/** Limit for one topic in a request; beyond it another request is cheaper for the client. */
const MESSAGES_MAX = 1000;

/**
 * Splits a transaction's messages into requests, in order. All messages of a topic in a request may go
 * to one partition, and the broker accepts no batch above the topic's limit.
 *
 * @param bytesMaxOf returns a topic's `max.message.bytes`
 */
export function chunkRecords(
  messages: readonly AddressedMessage[],
  bytesMaxOf: (topic: string) => number,
): readonly Chunk[] {
  const chunks: Map<string, OutgoingMessage[]>[] = [];
  let chunk = new Map<string, OutgoingMessage[]>();
  let sizes = new Map<string, number>();
  for (const { topic, ...message } of messages) {
    const bytesMax = bytesMaxOf(topic);
    const bytes = recordBytes(message);
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

/** Describes the problem of a message that alone exceeds its topic's limit; null if it does not. */
export function sizeProblem(
  message: AddressedMessage,
  bytesMaxOf: (topic: string) => number,
): string | null {
  const { topic, key } = message;
  const [bytes, bytesMax] = [recordBytes(message) + BATCH_HEADER_BYTES, bytesMaxOf(topic)];
  if (bytes <= bytesMax) return null;
  return `the record of ${cutText(key, 100)} takes ${bytes} bytes, and topic ${topic} takes at most ${bytesMax} (max.message.bytes): raise it to ${bytes} or more, then start the publisher again`;
}

/** Size of a batch's header on the wire and on disk. */
export const BATCH_HEADER_BYTES = 61;

/** Additional size of a record that is not the first of a batch of fewer than 8,192. */
const FOLLOWER_BYTES = 1;

/** The size in bytes of a record (record format version 2) as the first of its batch. */
export function recordBytes({ key, value, headers }: OutgoingMessage): number {
  const entries = Object.entries(headers);
  const body =
    ATTRIBUTES +
    TIME_DIFFERENCE +
    OFFSET_DIFFERENCE +
    sizedBytes(key) +
    (value === null ? 1 : sizedBytes(value)) +
    varintBytes(entries.length) +
    entries.reduce((sum, [name, text]) => sum + sizedBytes(name) + sizedBytes(text), 0);
  return varintBytes(body) + body;
}

const ATTRIBUTES = 1;
const TIME_DIFFERENCE = 1;
const OFFSET_DIFFERENCE = 1;

function sizedBytes(text: string): number {
  const bytes = Buffer.byteLength(text);
  return varintBytes(bytes) + bytes;
}

/** The size of a zigzag varint, whose encoding takes one bit more than the value. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
