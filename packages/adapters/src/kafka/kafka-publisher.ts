import { topicName } from "@counterfoil/contracts/kafka";
import { TopicsUnavailable } from "@counterfoil/processing/ports/topic-errors";
import type {
  TopicPublisher,
  TopicTransaction,
} from "@counterfoil/processing/ports/topic-publisher";
import type { Kafka, Producer } from "kafkajs";
import { withAdvice } from "./broker-advice.ts";
import { type Chunk, chunkRecords } from "./chunk-records.ts";
import type { FoundTopics } from "./ensure-topics.ts";
import { asPort } from "./kafka-error.ts";
import { readToEnd, wholeTopics } from "./read-to-end.ts";
import type { SentOnce } from "./sent-once.ts";
import { checkpointTopicName } from "./topic-layout.ts";

export type OpenTopics = Readonly<{
  kafka: Kafka;
  /** The one that has fenced all others. */
  producer: Producer;
  /** Watches that producer. */
  sentOnce: SentOnce;
  prefix: string;
  brokers: readonly string[];
  found: FoundTopics;
  checkpoint: string | null;
}>;

/** Names how many partitions each topic had when the record was written. */
export const PARTITIONS_HEADER = "counterfoil_partitions";

export const partitionsText = (found: FoundTopics): string =>
  [...found]
    .map(([name, { partitions }]) => `${name}=${partitions}`)
    .sort()
    .join(",");

/** The publisher of topics that are open. */
export function createPublisher(open: OpenTopics): TopicPublisher {
  const { kafka, prefix, brokers, found, checkpoint } = open;
  let last = checkpoint;
  const limitOf = (topic: string) => Number(found.get(topic)?.settings["max.message.bytes"] ?? 0);
  const headers = {
    "content-type": "application/json",
    [PARTITIONS_HEADER]: partitionsText(found),
  };
  const requestsOf = ({ records, checkpoint: value }: TopicTransaction): readonly Chunk[] => {
    const messages = records.map(({ topic, ...message }) => ({
      ...message,
      topic: topicName(prefix, topic),
    }));
    const mark = { topic: checkpointTopicName(prefix), key: prefix, value, headers };
    return [...chunkRecords([mark], limitOf), ...chunkRecords(messages, limitOf)];
  };
  const asAdvised = <T>(doing: string, work: () => Promise<T>) =>
    withAdvice(brokers, () => asPort(doing, work));
  async function publish(transaction: TopicTransaction): Promise<void> {
    const requests = requestsOf(transaction);
    await asAdvised("publishing", () => commit(open, requests));
    last = transaction.checkpoint;
  }
  return {
    checkpoint,
    publish,
    readStates: async (topic, take) => {
      // A transaction is acknowledged before its end marker is written. The next one begins after it.
      if (last !== null) await publish({ records: [], checkpoint: last });
      const name = topicName(prefix, topic);
      await asAdvised(`reading ${name}`, () => readStates({ kafka, prefix, topic: name, take }));
    },
    close: async () => {
      await open.producer.disconnect().catch(() => undefined);
    },
  };
}

/**
 * @param requests the first of them to one partition alone: while the broker is still writing the last
 *   transaction's end it is refused, and tried again.
 */
async function commit(
  { producer, sentOnce }: OpenTopics,
  requests: readonly Chunk[],
): Promise<void> {
  const transaction = await producer.transaction();
  try {
    for (const [at, request] of requests.entries()) {
      const topicMessages = [...request].map(([topic, messages]) => ({
        topic,
        messages: messages.map((message) => ({ ...message })),
      }));
      const isOnce = sentOnce.watch();
      await transaction.sendBatch({ acks: -1, topicMessages });
      if (at > 0 && !isOnce()) {
        throw new TopicsUnavailable(
          "a broker went away or handed over in the middle of a transaction, which is undone and begun again",
        );
      }
    }
    await transaction.commit();
  } catch (error) {
    // So that readers need not wait for the broker to time it out. Whether the abort arrived is found
    // out by the next opening.
    if (transaction.isActive()) await transaction.abort().catch(() => undefined);
    throw error;
  }
}

type ReadStates = Pick<OpenTopics, "kafka" | "prefix"> &
  Readonly<{ topic: string; take: Parameters<TopicPublisher["readStates"]>[1] }>;

async function readStates({ kafka, prefix, topic, take }: ReadStates): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    await readToEnd({
      kafka,
      name: checkpointTopicName(prefix),
      parts: await wholeTopics(admin, [topic]),
      take: (messages) =>
        take(
          messages.map(({ key, value }) => ({
            key: String(key),
            value: value === null ? null : String(value),
          })),
        ),
    });
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
