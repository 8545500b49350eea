import {
  HEAD_TOPIC,
  TOPIC_VERSION,
  TOPICS,
  type Topic,
  topicName,
} from "@counterfoil/contracts/kafka";
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
import { haveRecords, type Part, readCheckpoint, readToEnd, wholeTopics } from "./read-to-end.ts";

/** An existing topic with its settings on the broker. */
export type FoundTopic = Readonly<{
  partitions: number;
  settings: Readonly<Record<string, string>>;
}>;

/** The existing topics by name. */
export type FoundTopics = ReadonlyMap<string, FoundTopic>;

export const checkpointTopicName = (prefix: string): string =>
  `${prefix}.publisher.${TOPIC_VERSION}`;

type Opening = Readonly<{
  kafka: Kafka;
  /** Connected; used only while opening. */
  admin: Admin;
  /** Prefix of the topics' names and of the transactional id. */
  prefix: string;
  brokers: readonly string[];
  found: FoundTopics;
}>;

/**
 * Becomes the only publisher of the existing topics, and reads the last checkpoint.
 *
 * @throws TopicMisconfigured if the number of partitions has changed; TopicsUnavailable
 */
export async function openPublisher(opening: Opening): Promise<TopicPublisher> {
  const { kafka, prefix } = opening;
  const repeatDetector = createRepeatDetector(choosePartition);
  const producer = createProducer(kafka, prefix, repeatDetector);
  try {
    await asPort("becoming the publisher", () => retryTransient(() => fenceOthers(producer)));
    const checkpoint = await findCheckpoint(opening);
    const written = await findWritten(opening);
    if (checkpoint === null) await checkNothingPublished(opening, written);
    const unwritten = new Set(TOPICS.filter((topic) => !written.has(topic)));
    return createPublisher({ ...opening, producer, repeatDetector, checkpoint, unwritten });
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
}

/** Timeout after which the broker aborts an open transaction. */
const TRANSACTION_TIMEOUT_MS = 60_000;

function createProducer(kafka: Kafka, prefix: string, repeatDetector: RepeatDetector): Producer {
  return kafka.producer({
    transactionalId: `${prefix}.publisher`,
    transactionTimeout: TRANSACTION_TIMEOUT_MS,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // The broker may still be writing the last transaction's end marker when the next one begins.
    retry: { ...RETRY, retries: 8, initialRetryTime: 10 },
    createPartitioner: repeatDetector.createPartitioner,
  });
}

/** The first transaction makes the broker raise the epoch, and abort another publisher's open transaction. */
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

/** Offsets never fall, whatever is deleted or compacted, so a topic that ends at 0 was never written. */
async function findWritten({
  admin,
  prefix,
}: Opening): Promise<ReadonlyMap<Topic, readonly Part[]>> {
  const written = new Map<Topic, readonly Part[]>();
  for (const topic of TOPICS) {
    const asking = `asking where topic ${topic} ends`;
    const parts = await asPort(asking, () => wholeTopics(admin, [topicName(prefix, topic)]));
    if (parts.some(({ end }) => end > 0n)) written.set(topic, parts);
  }
  return written;
}

/**
 * Without a checkpoint everything is published from the beginning. Beside records that were published
 * before, that would be all facts once more, and past states as the last ones.
 *
 * @throws TopicMisconfigured
 */
async function checkNothingPublished(
  { kafka, prefix }: Opening,
  written: ReadonlyMap<Topic, readonly Part[]>,
): Promise<void> {
  const own = checkpointTopicName(prefix);
  for (const [topic, parts] of written) {
    const looking = `looking for records on topic ${topic}`;
    // What a first transaction wrote that was aborted is no record.
    if (!(await asPort(looking, () => haveRecords(kafka, own, parts)))) continue;
    throw new TopicMisconfigured(
      `topic ${topicName(prefix, topic)} has records, and ${own} has no checkpoint of the publisher that wrote them: it was deleted, or its records were. Delete all topics of this prefix, the publisher's own too, and everything is published again; or publish under another topic prefix`,
    );
  }
}

/** The header with the number of partitions of each topic when the record was written. */
const PARTITIONS_HEADER = "counterfoil_partitions";

/** The heads topic is omitted: it was added later, and always has one partition. */
const partitionsText = (found: FoundTopics, prefix: string): string =>
  [...found]
    .filter(([name]) => name !== topicName(prefix, HEAD_TOPIC))
    .map(([name, { partitions }]) => `${name}=${partitions}`)
    .sort()
    .join(",");

type Open = Omit<Opening, "admin"> &
  Readonly<{
    producer: Producer;
    repeatDetector: RepeatDetector;
    checkpoint: string | null;
    unwritten: ReadonlySet<Topic>;
  }>;

function createPublisher(open: Open): TopicPublisher {
  const { kafka, prefix, brokers, found, checkpoint, unwritten } = open;
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
    const checkpointMessage = { topic: checkpointTopicName(prefix), key: prefix, value, headers };
    return [...chunkRecords([checkpointMessage], limitOf), ...chunkRecords(messages, limitOf)];
  };
  const callBroker = <T>(doing: string, work: () => Promise<T>) =>
    withAdvice(brokers, () => asPort(doing, work));
  async function publish(transaction: TopicTransaction): Promise<void> {
    const requests = requestsOf(transaction);
    await callBroker("publishing", () => commit(open, requests));
    last = transaction.checkpoint;
  }
  return {
    checkpoint,
    unwritten,
    publish,
    readStates: async (topic, onPage) => {
      // A transaction is acknowledged before its end marker is written. The next one begins after it.
      if (last !== null) await publish({ records: [], checkpoint: last });
      const name = topicName(prefix, topic);
      await callBroker(`reading ${name}`, () => readStates({ kafka, prefix, topic: name, onPage }));
    },
    close: async () => {
      await open.producer.disconnect().catch(() => undefined);
    },
  };
}

/**
 * Commits a transaction.
 *
 * @param requests the first goes to one partition only: the broker refuses it while it is still
 *   writing the end marker of the last transaction, and the client retries it
 */
async function commit(
  { producer, repeatDetector }: Open,
  requests: readonly Chunk[],
): Promise<void> {
  const transaction = await producer.transaction();
  try {
    for (const [at, request] of requests.entries()) {
      const topicMessages = [...request].map(([topic, messages]) => ({
        topic,
        messages: messages.map((message) => ({ ...message })),
      }));
      const wasSentOnce = repeatDetector.watch();
      await transaction.sendBatch({ acks: -1, topicMessages });
      if (at > 0 && !wasSentOnce()) {
        throw new TopicsUnavailable(
          "a broker went away or handed over in the middle of a transaction, which is undone and begun again",
        );
      }
    }
    await transaction.commit();
  } catch (error) {
    // Abort, so that readers need not wait for the broker's timeout. If the abort is lost, the next
    // opening aborts it.
    if (transaction.isActive()) await transaction.abort().catch(() => undefined);
    throw error;
  }
}

/**
 * Detects whether the client sent a message more than once.
 *
 * kafkajs 2.2.4 remembers answers by broker. If a leader moves between two tries of a send to several
 * brokers, the client skips messages whose partition moved to a broker that had answered, and resends,
 * with new sequence numbers, those whose partition moved to another one: the transaction would commit
 * with gaps and repeats. A send to a single partition is safe, because the brokers detect a repeat by
 * its sequence number.
 */
interface RepeatDetector {
  /** Called by the client for every message at every try. */
  readonly createPartitioner: ICustomPartitioner;
  /** Starts over. @returns a function that tells, after the send, whether it took a single try */
  watch(): () => boolean;
}

export function createRepeatDetector(choose: ICustomPartitioner): RepeatDetector {
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
  Readonly<{ topic: string; onPage: Parameters<TopicPublisher["readStates"]>[1] }>;

async function readStates({ kafka, prefix, topic, onPage }: ReadStates): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    await readToEnd({
      kafka,
      name: checkpointTopicName(prefix),
      parts: await wholeTopics(admin, [topic]),
      onPage: (messages) =>
        onPage(
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
 * The partition of a key: murmur2 of its UTF-8 bytes, without the sign, modulo the topic's number of
 * partitions. Kafka's own clients choose the same, so that readers can join topics by key. A key stays
 * in its partition as long as the number of partitions does not change.
 */
export const choosePartition: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    (murmur2(Buffer.from(String(message.key))) & 0x7fffffff) % partitionMetadata.length;

const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** The murmur2 of kafkajs uses growing big integers, and takes minutes for a key of 600 KB. */
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
