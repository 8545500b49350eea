import { TopicMisconfigured, TopicsUnavailable } from "@counterfoil/processing/ports/topic-errors";
import type { TopicPublisher, Topics } from "@counterfoil/processing/ports/topic-publisher";
import type { Admin, Kafka, Producer } from "kafkajs";
import type { Logger } from "pino";
import { withAdvice } from "./broker-advice.ts";
import { createClient, type KafkaConnection, RETRY } from "./client.ts";
import { ensureTopics, type FoundTopics } from "./ensure-topics.ts";
import { asPort } from "./kafka-error.ts";
import { createPublisher, PARTITIONS_HEADER, partitionsText } from "./kafka-publisher.ts";
import { expectOneCluster } from "./one-cluster.ts";
import { choosePartition } from "./partition.ts";
import { readCheckpoint } from "./read-checkpoint.ts";
import { retryTransient } from "./retry-transient.ts";
import { createSentOnce, type SentOnce } from "./sent-once.ts";
import { checkpointTopicName, topicLayouts } from "./topic-layout.ts";

export type KafkaTopicsOptions = KafkaConnection &
  Readonly<{
    /** Of the topics' names, and the ledger's own: it also names the transactions. */
    prefix: string;
    logger: Logger;
    /** Of topics that are created. */
    partitions?: number;
  }>;

const PARTITIONS = 6;
/** How long a broker may take before it counts as one that does not answer. */
const ANSWER_WITHIN_MS = 8_000;
/** The broker aborts an open transaction after this. */
const TRANSACTION_MS = 60_000;

/**
 * The topics of a ledger on Kafka. The transactional id is the ledger's: whoever opens them last is the
 * only one who can write.
 */
export function createKafkaTopics(options: KafkaTopicsOptions): Topics {
  const { prefix, partitions = PARTITIONS, brokers } = options;
  const client = { ...options, clientId: `${prefix}.publisher` };
  const kafka = createClient(client);
  const layouts = topicLayouts(prefix);

  function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return withAdvice(brokers, async () => {
      const admin = kafka.admin();
      try {
        const connecting = `connecting to Kafka at ${brokers.join(", ")}`;
        await asPort(connecting, () => withinTime(admin.connect(), brokers));
        await expectOneCluster(client);
        return await work(admin);
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    });
  }

  async function openWith(admin: Admin): Promise<TopicPublisher> {
    const found = await ensureTopics(admin, layouts, partitions);
    const sentOnce = createSentOnce(choosePartition);
    const producer = createProducer(kafka, prefix, sentOnce);
    try {
      await asPort("becoming the publisher", () => retryTransient(() => fenceOthers(producer)));
      const checkpoint = await findCheckpoint({ kafka, admin, prefix, found });
      return createPublisher({ kafka, producer, sentOnce, prefix, brokers, found, checkpoint });
    } catch (error) {
      await producer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  return {
    prepare: () =>
      withAdmin(async (admin) => void (await ensureTopics(admin, layouts, partitions))),
    open: () => withAdmin(openWith),
  };
}

/** Ends the wait for a broker that accepts connections and never answers. */
async function withinTime<T>(answer: Promise<T>, brokers: readonly string[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const error = new TopicsUnavailable(
      `no answer from ${brokers.join(", ")} within ${ANSWER_WITHIN_MS / 1000} s: is this a Kafka broker, and is TLS set as it expects?`,
    );
    timer = setTimeout(() => reject(error), ANSWER_WITHIN_MS);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined);
  }
}

function createProducer(kafka: Kafka, prefix: string, sentOnce: SentOnce): Producer {
  return kafka.producer({
    transactionalId: `${prefix}.publisher`,
    transactionTimeout: TRANSACTION_MS,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // The broker is still writing the last transaction's end when the next one begins.
    retry: { ...RETRY, retries: 8, initialRetryTime: 10 },
    createPartitioner: sentOnce.createPartitioner,
  });
}

/** The first transaction makes the broker raise the epoch and abort what another publisher left open. */
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
