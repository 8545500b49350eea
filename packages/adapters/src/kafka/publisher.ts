import {
  HEAD_TOPIC,
  TOPIC_VERSION,
  TOPICS,
  type Topic,
  topicName,
} from "@counterfoil/contracts/kafka";
import {
  RecordTooLarge,
  TopicMisconfigured,
  type TopicPublisher,
  TopicsUnavailable,
  type TopicTransaction,
} from "@counterfoil/processing/ports/topics";
import type { Admin, ICustomPartitioner, Kafka, Message, Producer, Transaction } from "kafkajs";
import {
  asPort,
  type Client,
  isRequestRefused,
  isTopicRefused,
  notAuthorized,
  RETRY,
  retryTransient,
  withAdvice,
  withExplanation,
} from "./client.ts";
import {
  haveRecords,
  neededToRead,
  type Part,
  readCheckpoint,
  readToEnd,
  wholeTopics,
} from "./read-to-end.ts";
import { type Chunk, chunkRecords, sizeProblem } from "./requests.ts";

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
  kafka: Client;
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
    const fence = () => withExplanation(kafka, () => fenceOthers(producer));
    await asPort("becoming the publisher", () => retryTransient(fence), neededBy(prefix));
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

/** What every transaction needs. */
const neededBy = (prefix: string) => ({
  transactionalId: `write with the transactional id ${prefix}.publisher`,
});

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
    const name = topicName(prefix, topic);
    const parts = await asPort(asking, () => wholeTopics(admin, [name]), {
      topic: `describe ${name}`,
    });
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
    const name = topicName(prefix, topic);
    const looking = `looking for records on topic ${topic}`;
    const look = () => haveRecords(kafka, own, parts);
    // What a first transaction wrote that was aborted is no record.
    if (!(await asPort(looking, look, neededToRead(own, name)))) continue;
    throw new TopicMisconfigured(
      `topic ${name} has records, and ${own} has no checkpoint of the publisher that wrote them: it was deleted, or its records were. Delete all topics of this prefix, the publisher's own too, and everything is published again; or publish under another topic prefix`,
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
  const callBroker = <T>(doing: string, work: () => Promise<T>, topic?: string) =>
    withAdvice(brokers, () =>
      asPort(doing, work, {
        ...neededBy(prefix),
        ...(topic !== undefined && neededToRead(checkpointTopicName(prefix), topic)),
      }),
    );
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
      const read = () => readStates({ kafka, prefix, topic: name, onPage });
      await callBroker(`reading ${name}`, read, name);
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
async function commit(open: Open, requests: readonly Chunk[]): Promise<void> {
  const { kafka, producer } = open;
  await withExplanation(kafka, async () => send(open, await producer.transaction(), requests));
}

async function send(
  { kafka, repeatDetector }: Open,
  transaction: Transaction,
  requests: readonly Chunk[],
): Promise<void> {
  let sending: Chunk = new Map();
  try {
    for (const [at, request] of requests.entries()) {
      sending = request;
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
    // What else fails then, as with a topic that was deleted, the next opening finds.
    const ask = () => refusedIn(sending, transaction, kafka).catch(() => null);
    const refused = isRequestRefused(error) ? await ask() : null;
    // Abort, so that readers need not wait for the broker's timeout. If the abort is lost, the next
    // opening aborts it.
    if (transaction.isActive()) await transaction.abort().catch(() => undefined);
    throw refused === null ? error : notAuthorized("publishing", refused, error);
  }
}

/**
 * What the broker refuses of a request, for which the client throws the answer on any of its topics. Each
 * topic is asked for alone, the right to write with a record in the transaction, which is aborted.
 *
 * @returns null if nothing is refused any more
 * @throws errors of the client that are no refusals
 */
async function refusedIn(
  request: Chunk,
  transaction: Transaction,
  kafka: Kafka,
): Promise<string | null> {
  const topics = [...request.keys()];
  const hidden = await withOwnAdmin(kafka, (admin) =>
    refusedOf(topics, (topic) => admin.fetchTopicMetadata({ topics: [topic] })),
  );
  // A hidden topic makes the client fail with all others too.
  if (hidden.length > 0) return `describe ${hidden.join(", ")}`;
  const closed = await refusedOf(topics, (topic) => {
    const [first] = request.get(topic) ?? [];
    return transaction.send({ topic, messages: first === undefined ? [] : [{ ...first }] });
  });
  return closed.length === 0 ? null : `write ${closed.join(", ")}`;
}

async function refusedOf(
  topics: readonly string[],
  ask: (topic: string) => Promise<unknown>,
): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const topic of topics) {
    await ask(topic).catch((error: unknown) => {
      if (!isTopicRefused(error)) throw error;
      refused.push(topic);
    });
  }
  return refused;
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

async function withOwnAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

type ReadStates = Pick<Open, "kafka" | "prefix"> &
  Readonly<{ topic: string; onPage: Parameters<TopicPublisher["readStates"]>[1] }>;

async function readStates({ kafka, prefix, topic, onPage }: ReadStates): Promise<void> {
  await readToEnd({
    kafka,
    name: checkpointTopicName(prefix),
    parts: await withOwnAdmin(kafka, (admin) => wholeTopics(admin, [topic])),
    onPage: (messages) =>
      onPage(
        messages.map(({ key, value }) => ({
          key: String(key),
          value: value === null ? null : String(value),
        })),
      ),
  });
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
