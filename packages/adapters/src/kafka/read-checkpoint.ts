import { randomUUID } from "node:crypto";
import { TopicsUnavailable } from "@counterfoil/processing/ports/topic-errors";
import type { Admin, Consumer, Kafka, KafkaMessage } from "kafkajs";
import { asPort } from "./kafka-error.ts";
import { whileSettling } from "./while-settling.ts";

/** How many offsets before the end are looked at first; then ten times as many, and so on. */
const LOOK_BACK = 200n;
const PATIENCE_MS = 30_000;

/**
 * The last committed record of a topic of one partition to which nobody writes just now; null where
 * there is none.
 *
 * A transaction's marker takes an offset and is never handed over, and neither is a record that was
 * not committed: the end is known from the partition, not from the last record.
 *
 * @throws TopicsUnavailable
 */
export async function readCheckpoint(
  kafka: Kafka,
  admin: Admin,
  topic: string,
): Promise<KafkaMessage | null> {
  const [offsets] = await asPort("asking where the checkpoints end", () =>
    whileSettling(() => admin.fetchTopicOffsets(topic)),
  );
  const [low, end] = [BigInt(offsets?.low ?? 0), BigInt(offsets?.high ?? 0)];
  for (let back = LOOK_BACK; low < end; back *= 10n) {
    const from = end - back > low ? end - back : low;
    const found = await lastIn(kafka, { topic, from, end });
    if (found !== null || from === low) return found;
  }
  return null;
}

type Part = Readonly<{ topic: string; from: bigint; end: bigint }>;

/** The last committed record of a part of the topic. */
async function lastIn(kafka: Kafka, part: Part): Promise<KafkaMessage | null> {
  const consumer = kafka.consumer({
    // Of its own: it must not have to share the partition with a publisher that sleeps.
    groupId: `${part.topic}-reader-${randomUUID()}`,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });
  try {
    return await asPort("reading the last checkpoint", () => consumePart(consumer, part));
  } finally {
    await consumer.disconnect().catch(() => undefined);
  }
}

async function consumePart(consumer: Consumer, { topic, from, end }: Part) {
  let last: KafkaMessage | null = null;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    reject(new TopicsUnavailable(`the checkpoints of ${topic} could not be read in time`));
  }, PATIENCE_MS);
  // While the broker is starting the group cannot be joined; the client tries that again by itself.
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  consumer.on(consumer.events.GROUP_JOIN, () => {
    consumer.seek({ topic, partition: 0, offset: String(from) });
  });
  // Told of every stretch that was gone through, also of those that hold nothing to hand over.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (BigInt(payload.lastOffset) >= end - 1n) resolve();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        last = batch.messages.findLast(({ offset }) => BigInt(offset) < end) ?? last;
      },
    });
    await promise;
    return last;
  } finally {
    clearTimeout(timer);
  }
}
