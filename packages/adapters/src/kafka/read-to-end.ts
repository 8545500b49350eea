import { randomUUID } from "node:crypto";
import { TopicsUnavailable } from "@counterfoil/processing/ports/topics";
import type { Admin, Consumer, EachBatchPayload, KafkaMessage } from "kafkajs";
import { asPort, type Client, retryTransient, withExplanation } from "./client.ts";

/** A range of a partition: the offsets from `from`, before `end`. */
export type Part = Readonly<{ topic: string; partition: number; from: bigint; end: bigint }>;

type ReadToEndOptions = Readonly<{
  kafka: Client;
  /** Prefix of the consumer group's id. */
  name: string;
  parts: readonly Part[];
  /** Called with committed messages of one partition, in order, each once. */
  onPage: (messages: readonly KafkaMessage[], part: Part) => Promise<void> | void;
}>;

/** Timeout without any progress. */
const PROGRESS_TIMEOUT_MS = 30_000;
const SESSION_TIMEOUT_MS = 60_000;
/** The client's number for consumers, which an own `retry` would replace. */
const RETRIES = 5;
/** Number of messages processed between two heartbeats. */
const PAGE = 500;

/**
 * The ranges of topics that can be read now: up to the first transaction whose end marker is not
 * written yet.
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
 * A transaction's marker has an offset but is never delivered, and neither is an uncommitted record.
 * So the end is taken from the partition, not from the last record.
 *
 * @throws the errors of `onPage` and of the client, and TopicsUnavailable without progress
 */
export async function readToEnd({ kafka, name, parts, onPage }: ReadToEndOptions): Promise<void> {
  const unread = new Map(
    parts.filter(({ from, end }) => from < end).map((part) => [partitionKey(part), part]),
  );
  if (unread.size === 0) return;
  let hasEnded = false;
  const consumer = kafka.consumer({
    // A new group, because a suspended reader of the same group would keep its partitions.
    groupId: `${groupPrefix(name)}${randomUUID()}`,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
    sessionTimeout: SESSION_TIMEOUT_MS,
    allowAutoTopicCreation: false,
    // Without this, the client restarts a consumer that crashes while it disconnects.
    retry: { retries: RETRIES, restartOnFailure: async () => !hasEnded },
  });
  // A restart that has begun cannot be called off. What throws in this event fails the join.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    if (hasEnded) throw new Error("the reading has ended");
  });
  try {
    await withExplanation(kafka, () => consume(consumer, unread, onPage));
  } finally {
    hasEnded = true;
    await consumer.disconnect().catch(() => undefined);
  }
}

const groupPrefix = (name: string): string => `${name}-reader-`;

/** What reading a topic needs. @param name as for `readToEnd` */
export const neededToRead = (name: string, topic: string) => ({
  topic: `read ${topic}`,
  group: `read as a group whose name begins with ${groupPrefix(name)}`,
});

type Unread = Map<string, Part>;

async function consume(
  consumer: Consumer,
  unread: Unread,
  onPage: ReadToEndOptions["onPage"],
): Promise<void> {
  const parts = new Map(unread);
  const topics = [...new Set([...parts.values()].map(({ topic }) => topic))];
  const { promise: allRead, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    reject(new TopicsUnavailable(`reading ${topics.join(", ")} got no further in time`));
  }, PROGRESS_TIMEOUT_MS);
  // While the broker is starting, the group cannot be joined; the client retries that itself.
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  consumer.on(consumer.events.GROUP_JOIN, () => seekStarts(consumer, parts));
  // Emitted for every batch, even one without messages to process.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    timer.refresh();
    markRead(unread, payload);
    if (unread.size === 0) resolve();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: processOnce(parts, onPage, reject) });
    await allRead;
  } finally {
    clearTimeout(timer);
    // It may be rejected after an earlier step has failed.
    allRead.catch(() => undefined);
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

/** Processes each message once, even if a slow reader is reset to its start. */
function processOnce(
  parts: ReadonlyMap<string, Part>,
  onPage: ReadToEndOptions["onPage"],
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
        await onPage(page, part);
        nextOffset.set(partitionKey(part), BigInt(page.at(-1)?.offset ?? 0) + 1n);
        await heartbeat();
      }
    } catch (error) {
      // Rejected here, because the client would retry an error that is not its own.
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

/** Number of first or last offsets read first; each further attempt reads ten times as many. */
const FIRST_READ = 200n;

/** Whether parts have a committed record. @throws TopicsUnavailable */
export async function haveRecords(
  kafka: Client,
  name: string,
  wholes: readonly Part[],
): Promise<boolean> {
  let found = false;
  const onPage = () => {
    found = true;
  };
  for (let count = FIRST_READ; !found; count *= 10n) {
    const parts = wholes.map((part) => {
      const isWhole = part.from + count >= part.end;
      return isWhole ? part : { ...part, end: part.from + count };
    });
    await readToEnd({ kafka, name, parts, onPage });
    if (parts.every((part, at) => part === wholes[at])) break;
  }
  return found;
}

/**
 * The last committed record of a topic with one partition and no other writer; null if there is none.
 *
 * @throws TopicsUnavailable
 */
export async function readCheckpoint(
  kafka: Client,
  admin: Admin,
  topic: string,
): Promise<KafkaMessage | null> {
  const asking = "asking where the checkpoints end";
  const [whole] = await asPort(asking, () => wholeTopics(admin, [topic]), {
    topic: `describe ${topic}`,
  });
  if (whole === undefined) return null;
  const { from: low, end } = whole;
  let last: KafkaMessage | null = null;
  for (let back = FIRST_READ; last === null && low < end; back *= 10n) {
    const isWhole = end - back <= low;
    const from = isWhole ? low : end - back;
    const onPage = (messages: readonly KafkaMessage[]) => {
      last = messages.at(-1) ?? last;
    };
    const parts = [{ ...whole, from }];
    const reading = "reading the last checkpoint";
    const read = () => readToEnd({ kafka, name: topic, parts, onPage });
    await asPort(reading, read, neededToRead(topic, topic));
    if (isWhole) break;
  }
  return last;
}
