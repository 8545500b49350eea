import { randomUUID } from "node:crypto";
import { type Topic, topicName } from "@counterfoil/contracts/kafka";
import type { Consumer, Kafka } from "kafkajs";
import { rawMessage } from "./raw-message.ts";
import { createReading, type Reading, type ReadingOptions } from "./reading.ts";
import type { StateTable } from "./state-table.ts";
import { findTopicEnds } from "./topic-ends.ts";

export type ConsumeOptions = ReadingOptions &
  Readonly<{
    kafka: Kafka;
    /** The ledger's topic prefix; `counterfoil` is that of the default ledger. */
    prefix?: string;
    topics: readonly Topic[];
    /**
     * Processes of one group share the partitions and go on where the group left off. Without a
     * group everything is read from the beginning, as whoever holds states in memory needs it.
     */
    groupId?: string;
    /** Every partition has been read to its end of when reading began; never called for a group. */
    onCaughtUp?: () => void;
  }>;

export type Consuming = Readonly<{
  /** The present records of the state topics that are read. */
  states: StateTable;
  /** Resolves when it was stopped; rejects with what a handler threw, or the client gave up with. */
  ended: Promise<void>;
  /** Finishes the message that is being handled and leaves the group. */
  stop: () => Promise<void>;
}>;

/**
 * Reads a ledger's topics: committed messages only, each partition in its order. Offsets of a group
 * are committed after the handlers, so a message may come again after a crash; a reader that keeps
 * its `sequences` drops what it had.
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
  });
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  // Nobody has to await it.
  ended.catch(() => undefined);
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  if (options.groupId === undefined) await watchEnds(options, consumer, [...topics.keys()]);
  const stop = async () => {
    await consumer.disconnect();
    resolve();
  };
  const fail = (error: unknown) => {
    reject(error);
    // Not awaited: the client waits for the handler that has just failed.
    void stop();
  };
  await run(consumer, { topics, reading, fail, autoCommit: options.groupId !== undefined });
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
      const named = topics.get(topic);
      if (named === undefined) return;
      // The client retries; a handler would then see messages out of order.
      if (failure !== null) throw failure.error;
      try {
        await reading.take(rawMessage(named, partition, message));
      } catch (error) {
        failure = { error };
        fail(error);
        throw error;
      }
    },
  });
}
