import type { Kafka } from "kafkajs";

/** Where each partition ended at one moment, until it has been read up to there. */
export interface TopicEnds {
  /** @returns whether every partition has been read to where it ended. */
  reach(topic: string, partition: number, offset: bigint): boolean;
  readonly isReached: boolean;
}

/** Asks where topics end just now. Empty partitions are reached already. */
export async function findTopicEnds(kafka: Kafka, topics: readonly string[]): Promise<TopicEnds> {
  const left = new Map<string, bigint>();
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        if (BigInt(high) > BigInt(low)) left.set(`${topic} ${partition}`, BigInt(high));
      }
    }
  } finally {
    await admin.disconnect();
  }
  return {
    get isReached() {
      return left.size === 0;
    },
    reach(topic, partition, offset) {
      const place = `${topic} ${partition}`;
      const end = left.get(place);
      // The end of a transaction takes an offset too, which no message has.
      if (end !== undefined && offset >= end - 1n) left.delete(place);
      return left.size === 0;
    },
  };
}
