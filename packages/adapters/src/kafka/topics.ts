import { topicName } from "@counterfoil/contracts/kafka";
import { TopicMisconfigured, TopicsUnavailable } from "@counterfoil/processing/ports/topic-errors";
import type {
  TopicPublisher,
  Topics,
  TopicTransaction,
} from "@counterfoil/processing/ports/topic-publisher";
import type { Admin, Kafka, Producer } from "kafkajs";
import type { Logger } from "pino";
import { type AddressedMessage, type Chunk, chunkRecords } from "./chunk-records.ts";
import { createClient, type KafkaConnection, RETRY } from "./client.ts";
import { ensureTopics, type FoundTopics } from "./ensure-topics.ts";
import { asPort } from "./kafka-error.ts";
import { choosePartition } from "./partition.ts";
import { readCheckpoint } from "./read-checkpoint.ts";
import { checkpointTopicName, topicLayouts } from "./topic-layout.ts";
import { whileSettling } from "./while-settling.ts";

export type KafkaTopicsOptions = KafkaConnection &
  Readonly<{
    /** Of the topics' names, and the ledger's own: it also names the transactions. */
    prefix: string;
    logger: Logger;
    /** Of topics that are created. */
    partitions?: number;
  }>;

const PARTITIONS = 6;
/** How long a broker may take before it is said not to answer. */
const PATIENCE_MS = 8_000;
const ADVICE =
  "check COUNTERFOIL_KAFKA_BROKERS, the login and TLS there, and that the broker runs; it is tried again";
/** The broker gives a transaction up after this. */
const TRANSACTION_MS = 60_000;
/** Names how many partitions each topic had when the record was written. */
const PARTITIONS_HEADER = "counterfoil_partitions";

/**
 * The topics of a ledger on Kafka. The transactional id is the ledger's: who opens them last is the
 * only one who can write.
 */
export function createKafkaTopics(options: KafkaTopicsOptions): Topics {
  const { prefix, partitions = PARTITIONS, brokers } = options;
  const kafka = createClient({ ...options, clientId: `${prefix}.publisher` });
  const layouts = topicLayouts(prefix);

  async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = kafka.admin();
    try {
      const connecting = `connecting to Kafka at ${brokers.join(", ")}`;
      await asPort(connecting, () => answered(admin.connect(), brokers), ADVICE);
      return await work(admin);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  return {
    prepare: () =>
      withAdmin(async (admin) => void (await ensureTopics(admin, layouts, partitions))),
    open: () =>
      withAdmin(async (admin) => {
        const found = await ensureTopics(admin, layouts, partitions);
        const producer = createProducer(kafka, prefix);
        try {
          await asPort("becoming the publisher", () => whileSettling(() => fenceOthers(producer)));
          const checkpoint = await findCheckpoint({ kafka, admin, prefix, found });
          return createPublisher({ producer, prefix, found, checkpoint });
        } catch (error) {
          await producer.disconnect().catch(() => undefined);
          throw error;
        }
      }),
  };
}

/** A broker that takes connections and never answers must not be waited for without end. */
async function answered<T>(asked: Promise<T>, brokers: readonly string[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const error = new TopicsUnavailable(
      `no answer from ${brokers.join(", ")} within ${PATIENCE_MS / 1000} s: is this a Kafka broker, and is TLS set as it expects? ${ADVICE}`,
    );
    timer = setTimeout(() => reject(error), PATIENCE_MS);
  });
  try {
    return await Promise.race([asked, silence]);
  } finally {
    clearTimeout(timer);
    asked.catch(() => undefined);
  }
}

function createProducer(kafka: Kafka, prefix: string): Producer {
  return kafka.producer({
    transactionalId: `${prefix}.publisher`,
    transactionTimeout: TRANSACTION_MS,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // The broker is still writing the last transaction's end when the next one begins.
    retry: { ...RETRY, retries: 8, initialRetryTime: 10 },
    createPartitioner: choosePartition,
  });
}

/** The first transaction makes the broker raise the epoch, and undo what was left half done. */
async function fenceOthers(producer: Producer): Promise<void> {
  await producer.connect();
  await (await producer.transaction()).abort();
}

type Found = Readonly<{ kafka: Kafka; admin: Admin; prefix: string; found: FoundTopics }>;

async function findCheckpoint({ kafka, admin, prefix, found }: Found): Promise<string | null> {
  const record = await readCheckpoint(kafka, admin, checkpointTopicName(prefix));
  if (record?.value == null) return null;
  const then = record.headers?.[PARTITIONS_HEADER]?.toString();
  const now = partitionsText(found);
  if (then !== now) {
    throw new TopicMisconfigured(
      `the topics have ${now} partitions, expected ${then} as when they were first published to: a key would go to another partition than before, and its order would be lost; publish under another topic prefix`,
    );
  }
  return record.value.toString();
}

const partitionsText = (found: FoundTopics): string =>
  [...found]
    .map(([name, { partitions }]) => `${name}=${partitions}`)
    .sort()
    .join(",");

type Opened = Readonly<{
  producer: Producer;
  prefix: string;
  found: FoundTopics;
  checkpoint: string | null;
}>;

function createPublisher({ producer, prefix, found, checkpoint }: Opened): TopicPublisher {
  const limitOf = (topic: string) => Number(found.get(topic)?.settings["max.message.bytes"] ?? 0);
  const headers = {
    "content-type": "application/json",
    [PARTITIONS_HEADER]: partitionsText(found),
  };
  const messagesOf = (transaction: TopicTransaction): readonly AddressedMessage[] => [
    ...transaction.records.map(({ topic, ...message }) => ({
      ...message,
      topic: topicName(prefix, topic),
    })),
    { topic: checkpointTopicName(prefix), key: prefix, value: transaction.checkpoint, headers },
  ];
  return {
    checkpoint,
    publish: async (transaction) => {
      const chunks = chunkRecords(messagesOf(transaction), limitOf);
      await asPort("publishing", () => commit(producer, chunks));
    },
    close: async () => {
      await producer.disconnect().catch(() => undefined);
    },
  };
}

async function commit(producer: Producer, chunks: readonly Chunk[]): Promise<void> {
  const transaction = await producer.transaction();
  try {
    for (const chunk of chunks) {
      const topicMessages = [...chunk].map(([topic, messages]) => ({
        topic,
        messages: messages.map((message) => ({ ...message })),
      }));
      await transaction.sendBatch({ acks: -1, topicMessages });
    }
    await transaction.commit();
  } catch (error) {
    // Readers need not wait for the broker to give it up; whether it heard this is found out later.
    if (transaction.isActive()) await transaction.abort().catch(() => undefined);
    throw error;
  }
}
