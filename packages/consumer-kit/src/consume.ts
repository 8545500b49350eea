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
    /**
     * How long a process of a group may be silent before its partitions go to the others, in milliseconds; 30 s by
     * default.
     */
    sessionTimeout?: number;
    /** The clock of this process, for tests: milliseconds since 1970, as kafkajs reads them. */
    now?: () => number;
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
const SESSION_TIMEOUT_MS = 30_000;

/**
 * Reads a ledger's topics: committed messages only, each partition in its order. Offsets of a group
 * are committed after the handlers, so a message may be repeated after a crash or a rebalance. What
 * this process remembers of a key is valid until the next rebalance, because other processes may read
 * its partition in between; after it the stored state is looked up (`sequences`, `states`). A process that
 * was paused may have lost its partitions without knowing, so it asks before it handles the next message.
 * It may also be paused inside a handler: only the store can refuse what is written then, by position.
 *
 * @throws the client's error if the broker cannot be reached or a topic does not exist
 */
export async function consume(options: ConsumeOptions): Promise<Consuming> {
  const { kafka, prefix = "counterfoil", groupId = `${prefix}-reader-${randomUUID()}` } = options;
  const { sessionTimeout = SESSION_TIMEOUT_MS, now = Date.now } = options;
  const topics = new Map(options.topics.map((topic) => [topicName(prefix, topic), topic]));
  const reading = createReading(options);
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout,
    heartbeatInterval: sessionTimeout / 10,
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
  const isGroup = options.groupId !== undefined;
  if (!isGroup) await watchEnds(options, consumer, [...topics.keys()]);
  // GROUP_JOIN is emitted after the last handler has resolved, and before the first message of the new assignment.
  else consumer.on(consumer.events.GROUP_JOIN, () => reading.rebalanced());
  const membership = isGroup ? watchMembership(consumer, { sessionTimeout, now }) : ALONE;
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
    await run(consumer, { topics, reading, membership, fail, autoCommit: isGroup });
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

/** Whether this process certainly has its partitions still. */
type Membership = Readonly<{ isCertain: () => boolean }>;

/** The only member of its group. */
const ALONE: Membership = { isCertain: () => true };

/** The requests whose success starts a member's session timeout anew. */
const CONFIRMING: ReadonlySet<string> = new Set(["Heartbeat", "SyncGroup"]);

/** Membership is certain for a third of the session timeout after the coordinator has confirmed it. */
function watchMembership(
  consumer: Consumer,
  { sessionTimeout, now }: Required<Pick<ConsumeOptions, "sessionTimeout" | "now">>,
): Membership {
  let askedAt = Number.NEGATIVE_INFINITY;
  let confirmedAt = Number.NEGATIVE_INFINITY;
  // It counts from when it was asked: the answer may have waited for a process that was paused.
  consumer.on(consumer.events.REQUEST, ({ payload }) => {
    if (CONFIRMING.has(payload.apiName)) askedAt = payload.createdAt;
  });
  const confirm = () => {
    confirmedAt = askedAt;
  };
  consumer.on(consumer.events.HEARTBEAT, confirm);
  consumer.on(consumer.events.GROUP_JOIN, confirm);
  return {
    isCertain() {
      const age = now() - confirmedAt;
      // Below 0 the clock was set back, and shows no time.
      return age >= 0 && age < sessionTimeout / 3;
    },
  };
}

type Run = Readonly<{
  topics: ReadonlyMap<string, Topic>;
  reading: Reading;
  membership: Membership;
  fail: (error: unknown) => void;
  autoCommit: boolean;
}>;

async function run(
  consumer: Consumer,
  { topics, reading, membership, fail, autoCommit }: Run,
): Promise<void> {
  let failure: Readonly<{ error: unknown }> | null = null;
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics.keys()], fromBeginning: true });
  await consumer.run({
    autoCommit,
    eachMessage: async ({ topic, partition, message, heartbeat }) => {
      const known = topics.get(topic);
      if (known === undefined) return;
      // The client retries; a handler would then see messages out of order.
      if (failure !== null) throw failure.error;
      // Throws where membership is lost; the client then joins again.
      if (!membership.isCertain()) await heartbeat();
      // The client has sent none, or its answer is old.
      if (!membership.isCertain()) reading.rebalanced();
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
