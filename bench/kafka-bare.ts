import { createClient, type KafkaConnection } from "@counterfoil/adapters/kafka/client";
import { checkpointTopicName, choosePartition } from "@counterfoil/adapters/kafka/publisher";
import { type Chunk, chunkRecords } from "@counterfoil/adapters/kafka/requests";
import { topicName } from "@counterfoil/contracts/kafka";
import type { TopicTransaction } from "@counterfoil/processing/ports/topics";
import type { Logger } from "pino";

type Bare = KafkaConnection &
  Readonly<{
    /** The prefix of existing topics. */
    prefix: string;
    logger: Logger;
    transactions: readonly TopicTransaction[];
  }>;

/** The broker's default `max.message.bytes` of a topic. */
const TOPIC_BYTES_MAX = 1_048_588;

/**
 * The client alone: all requests are prepared in memory, and the producer has the settings of
 * ours, so that the pauses between its transactions are the same.
 *
 * @returns seconds from the first transaction to the commit of the last one
 */
export async function publishBare({ transactions, prefix, ...client }: Bare): Promise<number> {
  const ready = transactions.map((transaction) => requestsOf(transaction, prefix));
  const producer = createClient({ ...client, clientId: "bare" }).producer({
    transactionalId: `${prefix}.bare`,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: { retries: 8, initialRetryTime: 10, maxRetryTime: 1000, multiplier: 2 },
    createPartitioner: choosePartition,
  });
  await producer.connect();
  try {
    await (await producer.transaction()).abort();
    const started = performance.now();
    for (const requests of ready) {
      const transaction = await producer.transaction();
      for (const topicMessages of requests) await transaction.sendBatch({ topicMessages });
      await transaction.commit();
    }
    return (performance.now() - started) / 1000;
  } finally {
    await producer.disconnect();
  }
}

/** The same requests that our publisher sends. */
function requestsOf({ records, checkpoint }: TopicTransaction, prefix: string) {
  const messages = records.map(({ topic, ...message }) => ({
    ...message,
    topic: topicName(prefix, topic),
  }));
  const last = { topic: checkpointTopicName(prefix), key: prefix, value: checkpoint, headers: {} };
  return chunkRecords([...messages, last], () => TOPIC_BYTES_MAX).map(topicMessagesOf);
}

const topicMessagesOf = (chunk: Chunk) =>
  [...chunk].map(([topic, messages]) => ({
    topic,
    messages: messages.map((message) => ({ ...message })),
  }));
