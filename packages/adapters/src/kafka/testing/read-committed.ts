import { randomUUID } from "node:crypto";
import type { TopicRecord } from "@counterfoil/processing/ports/topic-publisher";
import type { Kafka, KafkaMessage } from "kafkajs";

export type ReadRecord = Readonly<{
  topic: string;
  partition: number;
  key: string;
  value: string | null;
  headers: Readonly<Record<string, string>>;
}>;

/** Everything committed that lies in some topics by now, partition by partition, in order. */
export async function readCommitted(
  kafka: Kafka,
  topics: readonly string[],
): Promise<readonly ReadRecord[]> {
  const left = await endsOf(kafka, topics);
  const found: ReadRecord[] = [];
  const next = new Map<string, bigint>();
  const groupId = `test-${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
    sessionTimeout: 120_000,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (left.size === 0) return [];
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) reject(payload.error);
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    const place = `${payload.topic} ${payload.partition}`;
    if (BigInt(payload.lastOffset) >= (left.get(place) ?? 0n) - 1n) left.delete(place);
    if (left.size === 0) resolve();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const { topic, partition, messages } = batch;
        const place = `${topic} ${partition}`;
        for (const message of messages) {
          // A slow reader is sent to the beginning again; what it has read stays read.
          if (BigInt(message.offset) < (next.get(place) ?? 0n)) continue;
          next.set(place, BigInt(message.offset) + 1n);
          found.push({ topic, partition, ...contentOf(message) });
        }
      },
    });
    await promise;
    return found;
  } finally {
    await consumer.disconnect();
  }
}

/** Where each partition that holds anything ends. */
async function endsOf(kafka: Kafka, topics: readonly string[]): Promise<Map<string, bigint>> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map<string, bigint>();
  for (const topic of topics) {
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
      if (BigInt(high) > BigInt(low)) ends.set(`${topic} ${partition}`, BigInt(high));
    }
  }
  await admin.disconnect();
  return ends;
}

function contentOf({ key, value, headers }: KafkaMessage) {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]);
  return {
    key: String(key),
    value: value === null ? null : String(value),
    headers: Object.fromEntries(texts) as TopicRecord["headers"],
  };
}
