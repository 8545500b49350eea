import { HEAD_TOPIC, TOPIC_VERSION, topicName } from "@counterfoil/contracts/kafka";
import { cutText } from "@counterfoil/core/exact/text";
import {
  RecordTooLarge,
  TopicMisconfigured,
  type TopicPublisher,
  TopicsUnavailable,
  type TopicTransaction,
} from "@counterfoil/processing/ports/topics";
import type { Admin, ICustomPartitioner, Kafka, Message, Producer } from "kafkajs";
import { asPort, RETRY, retryTransient, withAdvice } from "./client.ts";
import { readCheckpoint, readToEnd, wholeTopics } from "./read-to-end.ts";

/** A topic as the broker has it. */
export type FoundTopic = Readonly<{
  partitions: number;
  settings: Readonly<Record<string, string>>;
}>;

/** The topics as they are, by name. */
export type FoundTopics = ReadonlyMap<string, FoundTopic>;

export const checkpointTopicName = (prefix: string): string =>
  `${prefix}.publisher.${TOPIC_VERSION}`;

type Opening = Readonly<{
  kafka: Kafka;
  /** Connected; needed for the opening only. */
  admin: Admin;
  /** Of the topics' names; it also names the transactions. */
  prefix: string;
  brokers: readonly string[];
  found: FoundTopics;
}>;

/**
 * Becomes the one publisher of topics that are there, and finds the last checkpoint.
 *
 * @throws TopicMisconfigured where their partitions have changed; TopicsUnavailable
 */
export async function openPublisher(opening: Opening): Promise<TopicPublisher> {
  const { kafka, prefix } = opening;
  const sentOnce = createSentOnce(choosePartition);
  const producer = createProducer(kafka, prefix, sentOnce);
  try {
    await asPort("becoming the publisher", () => retryTransient(() => fenceOthers(producer)));
    const checkpoint = await findCheckpoint(opening);
    return createPublisher({ ...opening, producer, sentOnce, checkpoint });
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
}

/** The broker aborts an open transaction after this. */
const TRANSACTION_MS = 60_000;

function createProducer(kafka: Kafka, prefix: string, sentOnce: SentOnce): Producer {
  return kafka.producer({
    transactionalId: `${prefix}.publisher`,
    transactionTimeout: TRANSACTION_MS,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // The broker is still writing the last transaction's end when the next one begins.
    retry: { ...RETRY, retries: 8, initialRetryTime: 10 },
    createPartitioner: sentOnce.createPartitioner,
  });
}

/** The first transaction makes the broker raise the epoch and abort what another publisher left open. */
async function fenceOthers(producer: Producer): Promise<void> {
  await producer.connect();
  await (await producer.transaction()).abort();
}

async function findCheckpoint({ kafka, admin, prefix, found }: Opening): Promise<string | null> {
  const record = await readCheckpoint(kafka, admin, checkpointTopicName(prefix));
  if (record?.value == null) return null;
  const then = record.headers?.[PARTITIONS_HEADER]?.toString();
  const now = partitionsText(found, prefix);
  if (then !== now) {
    throw new TopicMisconfigured(
      `the topics have ${now} partitions, expected ${then} as when they were first published to: a key would go to another partition than before, and its order would be lost; publish under another topic prefix`,
    );
  }
  return record.value.toString();
}

/** Names how many partitions each topic had when the record was written. */
const PARTITIONS_HEADER = "counterfoil_partitions";

/** The topic of heads came later, and has one partition always. */
const partitionsText = (found: FoundTopics, prefix: string): string =>
  [...found]
    .filter(([name]) => name !== topicName(prefix, HEAD_TOPIC))
    .map(([name, { partitions }]) => `${name}=${partitions}`)
    .sort()
    .join(",");

type Open = Omit<Opening, "admin"> &
  Readonly<{ producer: Producer; sentOnce: SentOnce; checkpoint: string | null }>;

function createPublisher(open: Open): TopicPublisher {
  const { kafka, prefix, brokers, found, checkpoint } = open;
  let last = checkpoint;
  const limitOf = (topic: string) => Number(found.get(topic)?.settings["max.message.bytes"] ?? 0);
  const headers = {
    "content-type": "application/json",
    [PARTITIONS_HEADER]: partitionsText(found, prefix),
  };
  const requestsOf = ({ records, checkpoint: value }: TopicTransaction): readonly Chunk[] => {
    const messages = records.map(({ topic, ...message }) => ({
      ...message,
      topic: topicName(prefix, topic),
    }));
    const problems = messages.map((message) => sizeProblem(message, limitOf));
    const tooLarge = records.filter((_, at) => problems[at] !== null);
    const [problem] = problems.filter((text) => text !== null);
    if (problem !== undefined) throw new RecordTooLarge(problem, tooLarge);
    const mark = { topic: checkpointTopicName(prefix), key: prefix, value, headers };
    return [...chunkRecords([mark], limitOf), ...chunkRecords(messages, limitOf)];
  };
  const asAdvised = <T>(doing: string, work: () => Promise<T>) =>
    withAdvice(brokers, () => asPort(doing, work));
  async function publish(transaction: TopicTransaction): Promise<void> {
    const requests = requestsOf(transaction);
    await asAdvised("publishing", () => commit(open, requests));
    last = transaction.checkpoint;
  }
  return {
    checkpoint,
    publish,
    readStates: async (topic, take) => {
      // A transaction is acknowledged before its end marker is written. The next one begins after it.
      if (last !== null) await publish({ records: [], checkpoint: last });
      const name = topicName(prefix, topic);
      await asAdvised(`reading ${name}`, () => readStates({ kafka, prefix, topic: name, take }));
    },
    close: async () => {
      await open.producer.disconnect().catch(() => undefined);
    },
  };
}

/**
 * @param requests the first goes to one partition alone: the broker refuses it while it is still
 *   writing the end of the last transaction, and the client retries it.
 */
async function commit({ producer, sentOnce }: Open, requests: readonly Chunk[]): Promise<void> {
  const transaction = await producer.transaction();
  try {
    for (const [at, request] of requests.entries()) {
      const topicMessages = [...request].map(([topic, messages]) => ({
        topic,
        messages: messages.map((message) => ({ ...message })),
      }));
      const isOnce = sentOnce.watch();
      await transaction.sendBatch({ acks: -1, topicMessages });
      if (at > 0 && !isOnce()) {
        throw new TopicsUnavailable(
          "a broker went away or handed over in the middle of a transaction, which is undone and begun again",
        );
      }
    }
    await transaction.commit();
  } catch (error) {
    // So that readers need not wait for the broker to time it out. Whether the abort arrived is found
    // out by the next opening.
    if (transaction.isActive()) await transaction.abort().catch(() => undefined);
    throw error;
  }
}

/**
 * Notices whether the client sent a message more than once.
 *
 * kafkajs 2.2.4 remembers by broker what has been answered. Where a leader moves between two tries
 * of a send to several brokers, it leaves out what has moved to a broker that had answered, and
 * sends again, under new sequence numbers, what has moved to another: the transaction would commit
 * with holes and repeats. What is sent to one partition alone is safe: there the brokers know a
 * repeat by its number.
 */
interface SentOnce {
  /** Asked by the client for every message at every try, so that it sees them all. */
  readonly createPartitioner: ICustomPartitioner;
  /** Forgets what was before. @returns after the send, whether it took a single try. */
  watch(): () => boolean;
}

export function createSentOnce(choose: ICustomPartitioner): SentOnce {
  let seen = new WeakSet<Message>();
  let isRepeated = false;
  return {
    createPartitioner: () => {
      const partitionOf = choose();
      return (args) => {
        if (seen.has(args.message)) isRepeated = true;
        seen.add(args.message);
        return partitionOf(args);
      };
    },
    watch: () => {
      seen = new WeakSet();
      isRepeated = false;
      return () => !isRepeated;
    },
  };
}

type ReadStates = Pick<Open, "kafka" | "prefix"> &
  Readonly<{ topic: string; take: Parameters<TopicPublisher["readStates"]>[1] }>;

async function readStates({ kafka, prefix, topic, take }: ReadStates): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    await readToEnd({
      kafka,
      name: checkpointTopicName(prefix),
      parts: await wholeTopics(admin, [topic]),
      take: (messages) =>
        take(
          messages.map(({ key, value }) => ({
            key: String(key),
            value: value === null ? null : String(value),
          })),
        ),
    });
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/**
 * Which partition a key goes to: murmur2 of its UTF-8 bytes, without its sign, modulo the topic's
 * number of partitions. Kafka's own clients choose the same, so that readers may join topics by key.
 * Nothing else has a part in it; while the number stays, a key stays where it is.
 */
export const choosePartition: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    (murmur2(Buffer.from(String(message.key))) & 0x7fffffff) % partitionMetadata.length;

const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** That of kafkajs counts with ever longer integers: a key of 600 KB takes it minutes. */
function murmur2(bytes: Buffer): number {
  const whole = bytes.length & ~3;
  let hash = SEED ^ bytes.length;
  for (let at = 0; at < whole; at += 4) {
    const mixed = Math.imul(bytes.readInt32LE(at), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed ^ (mixed >>> 24), MULTIPLIER);
  }
  if (bytes.length > whole) {
    hash = Math.imul(hash ^ bytes.readUIntLE(whole, bytes.length - whole), MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** A message as the client takes it. */
type OutgoingMessage = Readonly<{
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/** A message and the topic's name. */
export type AddressedMessage = OutgoingMessage & Readonly<{ topic: string }>;

/** Messages that are sent together, by topic, in their order. */
export type Chunk = ReadonlyMap<string, readonly OutgoingMessage[]>;

/** More of one topic cost the client more than a further request does. */
const MESSAGES_MAX = 1000;

/**
 * Cuts a transaction's messages into requests, in order. Of a topic, all of a request may fall to one
 * partition, and the broker takes no more at once than the topic's limit.
 *
 * @param bytesMaxOf by topic: its `max.message.bytes`.
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

/** What is wrong with a message that is beyond its topic's limit alone; null where nothing is. */
export function sizeProblem(
  message: AddressedMessage,
  bytesMaxOf: (topic: string) => number,
): string | null {
  const { topic, key } = message;
  const [bytes, bytesMax] = [recordBytes(message) + BATCH_HEADER_BYTES, bytesMaxOf(topic)];
  if (bytes <= bytesMax) return null;
  return `the record of ${cutText(key, 100)} takes ${bytes} bytes, and topic ${topic} takes at most ${bytesMax} (max.message.bytes): raise it to ${bytes} or more, then start the publisher again`;
}

/** What stands around the records of a batch on the wire and on disk. */
export const BATCH_HEADER_BYTES = 61;

/** What a record takes besides where it is not the first, in a batch of fewer than 8,192. */
const FOLLOWER_BYTES = 1;

/** Bytes that a record takes (record format version 2) as the first of its batch. */
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

/** Zigzag: a length takes one bit more than it says. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value * 2; left >= 128; left = Math.floor(left / 128)) bytes += 1;
  return bytes;
}
