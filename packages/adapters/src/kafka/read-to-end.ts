import { randomUUID } from "node:crypto";
import { TopicsUnavailable } from "@counterfoil/processing/ports/topics";
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";
import { asPort, retryTransient } from "./client.ts";

/** A part of a partition: the offsets from `from` on, before `end`. */
export type Part = Readonly<{ topic: string; partition: number; from: bigint; end: bigint }>;

type ReadToEndOptions = Readonly<{
  kafka: Kafka;
  /** What the reader's group is called begins with this. */
  name: string;
  parts: readonly Part[];
  /** Committed messages of one partition, in order, each once. */
  take: (messages: readonly KafkaMessage[], part: Part) => Promise<void> | void;
}>;

/** Without any progress. */
const GIVE_UP_AFTER_MS = 30_000;
const SESSION_MS = 60_000;
/** Messages that are handed over between two heartbeats. */
const PAGE = 500;

/**
 * Everything that can be read of some topics just now: up to the first transaction whose end is not
 * written yet, since the client asks for that.
 */
export async function wholeTopics(
  admin: Admin,
  topics: readonly string[],
): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const topic of topics) {
    const found = await retryTransient(() => admin.fetchTopicOffsets(topic));
    for (const { partition, low, high } of found) {
      parts.push({ topic, partition, from: BigInt(low), end: BigInt(high) });
    }
  }
  return parts;
}

/**
 * Reads parts of topics to their ends, committed messages only.
 *
 * A transaction's marker takes an offset and is never handed over, and neither is a record that was
 * not committed. So the end is known from the partition, not from the last record.
 *
 * @throws what `take` throws, TopicsUnavailable where it gets no further, and the client's errors.
 */
export async function readToEnd({ kafka, name, parts, take }: ReadToEndOptions): Promise<void> {
  const unread = new Map(
    parts.filter(({ from, end }) => from < end).map((part) => [partitionKey(part), part]),
  );
  if (unread.size === 0) return;
  const consumer = kafka.consumer({
    // A group of its own: another reader of the group, asleep, would keep its partitions.
    groupId: `${name}-reader-${randomUUID()}`,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
    sessionTimeout: SESSION_MS,
    allowAutoTopicCreation: false,
  });
  try {
    await consume(consumer, unread, take);
  } finally {
    await consumer.disconnect().catch(() => undefined);
  }
}

type Unread = Map<string, Part>;

async function consume(
  consumer: Consumer,
  unread: Unread,
  take: ReadToEndOptions["take"],
): Promise<void> {
  const parts = new Map(unread);
  const topics = [...new Set([...parts.values()].map(({ topic }) => topic))];
  const { promise: isRead, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    reject(new TopicsUnavailable(`reading ${topics.join(", ")} got no further in time`));
  }, GIVE_UP_AFTER_MS);
  // While the broker is starting the group cannot be joined; the client retries that by itself.
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  consumer.on(consumer.events.GROUP_JOIN, () => seekStarts(consumer, parts));
  // Emitted for every batch, also for one that holds nothing to hand over.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    timer.refresh();
    markRead(unread, payload);
    if (unread.size === 0) resolve();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: handOverOnce(parts, take, reject) });
    await isRead;
  } finally {
    clearTimeout(timer);
    // It may be rejected after something before it has failed.
    isRead.catch(() => undefined);
  }
}

function seekStarts(consumer: Consumer, parts: Unread): void {
  for (const { topic, partition, from } of parts.values()) {
    consumer.seek({ topic, partition, offset: String(from) });
  }
}

function markRead(
  unread: Unread,
  batch: Readonly<{ topic: string; partition: number; lastOffset: string }>,
): void {
  const part = unread.get(partitionKey(batch));
  if (part !== undefined && BigInt(batch.lastOffset) >= part.end - 1n) {
    unread.delete(partitionKey(batch));
  }
}

/** A slow reader is sent back to where it began; it hands over each message once all the same. */
function handOverOnce(
  parts: ReadonlyMap<string, Part>,
  take: ReadToEndOptions["take"],
  reject: (error: unknown) => void,
) {
  const nextOffset = new Map<string, bigint>();
  return async ({ batch, heartbeat }: EachBatchPayload): Promise<void> => {
    const part = parts.get(partitionKey(batch));
    if (part === undefined) return;
    const after = nextOffset.get(partitionKey(part)) ?? part.from;
    const next = batch.messages.filter(({ offset }) => isWithin(BigInt(offset), after, part.end));
    try {
      for (let at = 0; at < next.length; at += PAGE) {
        const page = next.slice(at, at + PAGE);
        await take(page, part);
        nextOffset.set(partitionKey(part), BigInt(page.at(-1)?.offset ?? 0) + 1n);
        await heartbeat();
      }
    } catch (error) {
      // The client would retry an error that is not its own.
      reject(error);
      throw error;
    }
  };
}

const isWithin = (offset: bigint, from: bigint, end: bigint): boolean =>
  offset >= from && offset < end;

const partitionKey = ({
  topic,
  partition,
}: Readonly<{ topic: string; partition: number }>): string => `${topic} ${partition}`;

/** How many offsets before the end are read first; then ten times as many, and so on. */
const READ_BACK = 200n;

/**
 * The last committed record of a topic that has one partition and no other writer; null where there
 * is none.
 *
 * @throws TopicsUnavailable
 */
export async function readCheckpoint(
  kafka: Kafka,
  admin: Admin,
  topic: string,
): Promise<KafkaMessage | null> {
  const asking = "asking where the checkpoints end";
  const [whole] = await asPort(asking, () => wholeTopics(admin, [topic]));
  if (whole === undefined) return null;
  const { from: low, end } = whole;
  let last: KafkaMessage | null = null;
  for (let back = READ_BACK; last === null && low < end; back *= 10n) {
    const isWhole = end - back <= low;
    const from = isWhole ? low : end - back;
    const take = (messages: readonly KafkaMessage[]) => {
      last = messages.at(-1) ?? last;
    };
    const parts = [{ ...whole, from }];
    const reading = "reading the last checkpoint";
    await asPort(reading, () => readToEnd({ kafka, name: topic, parts, take }));
    if (isWhole) break;
  }
  return last;
}
