import type { Kafka } from "kafkajs";

/** Where each partition ended at one moment, until it has been read up to there. */
export interface TopicEnds {
  /** @returns whether every partition has been read to where it ended. */
  reach(topic: string, partition: number, offset: bigint): boolean;
  readonly isReached: boolean;
}

/** The present ends of topics. Empty partitions are reached already. */
export async function findTopicEnds(kafka: Kafka, topics: readonly string[]): Promise<TopicEnds> {
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
      // The marker of a transaction takes an offset too, and is no message.
      if (end !== undefined && offset >= end - 1n) unread.delete(key);
      return unread.size === 0;
    },
  };
}
