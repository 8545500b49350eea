import { randomUUID } from "node:crypto";
import { type Topic, topicName } from "@counterfoil/contracts/kafka";
import type { Consumer, IHeaders, Kafka, KafkaMessage } from "kafkajs";
import type { RawMessage } from "./message.ts";
import { createReading, type Reading, type ReadingOptions, type StateTable } from "./reading.ts";

export type ConsumeOptions = ReadingOptions &
  Readonly<{
    kafka: Kafka;
    /** The ledger's topic prefix; `counterfoil` is that of the default ledger. */
    prefix?: string;
    topics: readonly Topic[];
    /**
     * Processes of one group share the partitions and continue from the group's offsets. Without a
     * group everything is read from the beginning, which a reader with its state in memory needs.
     */
    groupId?: string;
    /** Called when every partition has been read to its end at the start; never called for a group. */
    onCaughtUp?: () => void;
  }>;

export type Consuming = Readonly<{
  /** The present records of the subscribed state topics. */
  states: StateTable;
  /** Resolves after `stop`; rejects with the error of a handler, or the client's last error. */
  ended: Promise<void>;
  /**
   * Finishes the message that is being handled and leaves the group. While the broker is away it waits
   * for the client's attempt to reach it, which fails after 5 to 20 s.
   */
  stop: () => Promise<void>;
}>;

/** The client's number for consumers, which an own `retry` would replace. */
const RETRIES = 5;

/**
 * Reads a ledger's topics: committed messages only, each partition in its order. Offsets of a group
 * are committed after the handlers, so a message may be repeated after a crash or a rebalance. What
 * this process remembers of a key is valid until the next rebalance, because other processes may read
 * its partition in between; after it the stored state is looked up (`sequences`, `states`).
 *
 * @throws the client's error if the broker cannot be reached or a topic does not exist
 */
export async function consume(options: ConsumeOptions): Promise<Consuming> {
  const { kafka, prefix = "counterfoil", groupId = `${prefix}-reader-${randomUUID()}` } = options;
  const topics = new Map(options.topics.map((topic) => [topicName(prefix, topic), topic]));
  const reading = createReading(options);
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: false,
    maxWaitTimeInMs: 250,
    allowAutoTopicCreation: false,
    // Without this, the client restarts a member that crashes while it stops.
    retry: { retries: RETRIES, restartOnFailure: async () => !isStopping },
  });
  let [isStopping, isStopped] = [false, false];
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const ended = new Promise<void>((onStopped, onFailed) => {
    resolve = onStopped;
    reject = onFailed;
  });
  // The caller need not await it: prevents an unhandled rejection.
  ended.catch(() => undefined);
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  // A restart that has begun cannot be called off: it connects again when the broker is back. Its next
  // connection is closed too; what throws in the other event fails its join, after which the client ends.
  consumer.on(consumer.events.REQUEST, () => {
    if (isStopped) void consumer.disconnect().catch(() => undefined);
  });
  consumer.on(consumer.events.GROUP_JOIN, () => {
    if (isStopping) throw new Error("the consumer was stopped while it joined its group");
  });
  if (options.groupId === undefined) await watchEnds(options, consumer, [...topics.keys()]);
  // GROUP_JOIN is emitted after the last handler has resolved, and before the first message of the new assignment.
  else consumer.on(consumer.events.GROUP_JOIN, () => reading.rebalanced());
  const stop = async () => {
    isStopping = true;
    await consumer.disconnect();
    isStopped = true;
    resolve();
  };
  const fail = (error: unknown) => {
    reject(error);
    // Not awaited: the client waits for the handler that has just failed. Its error is the one that `ended` has.
    stop().catch(() => undefined);
  };
  try {
    await run(consumer, { topics, reading, fail, autoCommit: options.groupId !== undefined });
  } catch (error) {
    // A consumer that stays connected keeps its process alive.
    await consumer.disconnect().catch(() => undefined);
    throw error;
  }
  return { states: reading.states, ended, stop };
}

async function watchEnds(
  { kafka, onCaughtUp }: ConsumeOptions,
  consumer: Consumer,
  topics: readonly string[],
): Promise<void> {
  if (onCaughtUp === undefined) return;
  const ends = await findTopicEnds(kafka, topics);
  consumer.on(consumer.events.GROUP_JOIN, () => ends.isReached && onCaughtUp());
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    const { topic, partition, lastOffset } = payload;
    if (!ends.isReached && ends.reach(topic, partition, BigInt(lastOffset))) onCaughtUp();
  });
}

type Run = Readonly<{
  topics: ReadonlyMap<string, Topic>;
  reading: Reading;
  fail: (error: unknown) => void;
  autoCommit: boolean;
}>;

async function run(consumer: Consumer, { topics, reading, fail, autoCommit }: Run): Promise<void> {
  let failure: Readonly<{ error: unknown }> | null = null;
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics.keys()], fromBeginning: true });
  await consumer.run({
    autoCommit,
    eachMessage: async ({ topic, partition, message }) => {
      const known = topics.get(topic);
      if (known === undefined) return;
      // The client retries; a handler would then see messages out of order.
      if (failure !== null) throw failure.error;
      try {
        await reading.take(rawMessage(known, partition, message));
      } catch (error) {
        failure = { error };
        fail(error);
        throw error;
      }
    },
  });
}

/** The end of each partition at one moment, as long as it is not reached. */
interface TopicEnds {
  /** Records progress. @returns whether every partition has been read to its end */
  reach(topic: string, partition: number, offset: bigint): boolean;
  readonly isReached: boolean;
}

/** The present ends of topics. Empty partitions count as reached. */
async function findTopicEnds(kafka: Kafka, topics: readonly string[]): Promise<TopicEnds> {
  const unread = new Map<string, bigint>();
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        if (BigInt(high) > BigInt(low)) unread.set(`${topic} ${partition}`, BigInt(high));
      }
    }
  } finally {
    await admin.disconnect();
  }
  return {
    get isReached() {
      return unread.size === 0;
    },
    reach(topic, partition, offset) {
      const key = `${topic} ${partition}`;
      const end = unread.get(key);
      // A transaction marker takes an offset without being a message.
      if (end !== undefined && offset >= end - 1n) unread.delete(key);
      return unread.size === 0;
    },
  };
}

/** A message of kafkajs as text. */
function rawMessage(
  topic: Topic,
  partition: number,
  { key, value, offset, headers = {} }: KafkaMessage,
): RawMessage {
  return {
    topic,
    partition,
    offset,
    key: key?.toString() ?? "",
    value: value === null ? null : value.toString(),
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, text]) => {
        const first = firstOf(text);
        return first === undefined ? [] : [[name, first.toString()]];
      }),
    ),
  };
}

const firstOf = (text: IHeaders[string]) => (Array.isArray(text) ? text[0] : text);
