import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "@counterfoil/contracts/config";
import {
  BrokersDisagree,
  type TopicPublisher,
  type Topics,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topics";
import type { Admin } from "kafkajs";
import type { Logger } from "pino";
import { ConfigurationInvalid } from "../config.ts";
import {
  asPort,
  type ClientOptions,
  createClient,
  type KafkaConnection,
  kafkaConfigOf,
  withAdvice,
} from "./client.ts";
import { openPublisher } from "./publisher.ts";
import { ensureTopics, topicLayouts } from "./topic-layout.ts";

/**
 * The topics of the configuration's brokers.
 *
 * @throws ConfigurationInvalid where there are none
 */
export function openTopics(config: Config, logger: Logger): Topics {
  const kafka = kafkaConfigOf(config);
  if (kafka !== null) return createKafkaTopics({ ...kafka, logger });
  throw new ConfigurationInvalid([
    "COUNTERFOIL_KAFKA_BROKERS is not set, so there is nowhere to publish to: expected host:port, comma-separated",
  ]);
}

type KafkaTopicsOptions = KafkaConnection &
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
    return openPublisher({ kafka, admin, prefix, brokers, found });
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

/** A broker that is down is asked again when the topics are opened the next time. */
const GIVE_UP_AFTER_MS = 3_000;

/**
 * Asks every broker which cluster it belongs to. The client takes whichever answers first, so that
 * brokers of two clusters would each receive a part of the ledger.
 *
 * @throws BrokersDisagree
 */
async function expectOneCluster(options: ClientOptions): Promise<void> {
  const { brokers } = options;
  if (brokers.length < 2) return;
  const asked = await Promise.all(brokers.map((broker) => clusterOf(options, broker)));
  const answers = asked.flatMap((cluster, at) =>
    cluster === null ? [] : [{ broker: brokers[at], cluster }],
  );
  if (new Set(answers.map(({ cluster }) => cluster)).size < 2) return;
  const found = answers.map(({ broker, cluster }) => `${broker} is of cluster ${cluster}`);
  throw new BrokersDisagree(
    `COUNTERFOIL_KAFKA_BROKERS names brokers of different clusters (${found.join(", ")}): expected brokers of one`,
  );
}

/** @returns the cluster's id; null where the broker does not answer in time. */
async function clusterOf(options: ClientOptions, broker: string): Promise<string | null> {
  const admin = createClient({ ...options, brokers: [broker], retries: 0 }).admin();
  const ask = async () => {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  };
  try {
    return await Promise.race([
      ask().catch(() => null),
      wait(GIVE_UP_AFTER_MS, null, { ref: false }),
    ]);
  } finally {
    // Not awaited: a broker that does not answer does not close the connection either.
    void admin.disconnect().catch(() => undefined);
  }
}
