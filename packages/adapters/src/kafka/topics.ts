import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "@counterfoil/contracts/config";
import { FACT_TOPIC, HEAD_TOPIC, STATE_TOPICS, topicName } from "@counterfoil/contracts/kafka";
import {
  BrokersDisagree,
  TopicMisconfigured,
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
  retryTransient,
  withAdvice,
} from "./client.ts";
import {
  checkpointTopicName,
  type FoundTopic,
  type FoundTopics,
  openPublisher,
} from "./publisher.ts";

/**
 * Opens the topics on the configured brokers.
 *
 * @throws ConfigurationInvalid if no brokers are configured
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
    /** Prefix of the topics' names and of the transactional id; unique to the ledger. */
    prefix: string;
    logger: Logger;
    /** Number of partitions of created topics. */
    partitions?: number;
  }>;

const PARTITIONS = 6;
/** Timeout of the connection to a broker. */
const CONNECT_TIMEOUT_MS = 8_000;

/**
 * The topics of a ledger on Kafka. The transactional id belongs to the ledger, so only the publisher
 * that opened them last can write.
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
        await asPort(connecting, () => withConnectTimeout(admin.connect(), brokers));
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

/** Times out on a server that accepts connections and never answers. */
async function withConnectTimeout<T>(answer: Promise<T>, brokers: readonly string[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const error = new TopicsUnavailable(
      `no answer from ${brokers.join(", ")} within ${CONNECT_TIMEOUT_MS / 1000} s: is this a Kafka broker, and is TLS set as it expects?`,
    );
    timer = setTimeout(() => reject(error), CONNECT_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
    answer.catch(() => undefined);
  }
}

/** Timeout for one broker's answer; it is asked again at the next opening. */
const CLUSTER_ID_TIMEOUT_MS = 3_000;

/**
 * Checks that all brokers belong to one cluster. The client uses the broker that answers first, so
 * that brokers of two clusters would each receive a part of the ledger.
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

/** @returns the cluster's id; null if the broker does not answer in time */
async function clusterOf(options: ClientOptions, broker: string): Promise<string | null> {
  const admin = createClient({ ...options, brokers: [broker], retries: 0 }).admin();
  const ask = async () => {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  };
  try {
    return await Promise.race([
      ask().catch(() => null),
      wait(CLUSTER_ID_TIMEOUT_MS, null, { ref: false }),
    ]);
  } finally {
    // Not awaited, because a broker that does not answer does not close the connection either.
    void admin.disconnect().catch(() => undefined);
  }
}

/** The settings that a topic needs for its guarantees. */
type TopicLayout = Readonly<{
  name: string;
  /** null: any number. It must not change once there are records, because it determines a key's partition. */
  partitions: number | null;
  /** Settings without which a guarantee would be broken. */
  required: Readonly<Record<string, string>>;
  /** Further settings of a topic that this program creates. */
  chosen: Readonly<Record<string, string>>;
}>;

/** Facts and signed heads are kept forever. */
const FACTS = { "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" };
/** Only compaction: with deletion as well, unchanged records would be lost. */
const STATES = { "cleanup.policy": "compact" };

const WEEK_MS = 7 * 24 * 3600 * 1000;
/** Readers that were offline for less than a week see every tombstone. */
const STATES_CHOSEN = { "delete.retention.ms": String(WEEK_MS) };
/** Small segments: there is one record a transaction, and only closed segments are compacted. */
const CHECKPOINT_CHOSEN = { "segment.bytes": String(1024 * 1024), "segment.ms": "3600000" };

/** All topics of a ledger. */
export function topicLayouts(prefix: string): readonly TopicLayout[] {
  return [
    { name: topicName(prefix, FACT_TOPIC), partitions: null, required: FACTS, chosen: {} },
    ...(Object.keys(STATE_TOPICS) as (keyof typeof STATE_TOPICS)[]).map((topic) => ({
      name: topicName(prefix, topic),
      partitions: null,
      required: STATES,
      chosen: STATES_CHOSEN,
    })),
    { name: topicName(prefix, HEAD_TOPIC), partitions: 1, required: FACTS, chosen: {} },
    {
      name: checkpointTopicName(prefix),
      partitions: 1,
      required: STATES,
      chosen: CHECKPOINT_CHOSEN,
    },
  ];
}

/** The wrong settings of a topic, a sentence each: the found value, and the expected one. */
export function topicProblems(
  { name, partitions, required }: TopicLayout,
  found: FoundTopic,
): readonly string[] {
  const problems: string[] = [];
  if (partitions !== null && found.partitions !== partitions) {
    problems.push(`topic ${name} has ${found.partitions} partitions, expected ${partitions}`);
  }
  for (const [setting, expected] of Object.entries(required)) {
    const value = found.settings[setting];
    if (value !== expected) {
      problems.push(`topic ${name} has ${setting}=${value ?? "(unknown)"}, expected ${expected}`);
    }
  }
  return problems;
}

/** The replication factor of a new topic, and its minimum of in-sync replicas. */
export function copiesOn(brokers: number): Readonly<{ copies: number; inSyncMin: number }> {
  const copies = Math.min(3, Math.max(1, brokers));
  return { copies, inSyncMin: copies < 3 ? 1 : 2 };
}

/**
 * Creates missing topics, and checks all topics.
 *
 * @param partitions of a created topic that may have any number
 * @throws TopicMisconfigured naming all problems; TopicsUnavailable
 */
async function ensureTopics(
  admin: Admin,
  layouts: readonly TopicLayout[],
  partitions: number,
): Promise<FoundTopics> {
  const existing = new Set(await asPort("listing the topics", () => admin.listTopics()));
  const missing = layouts.filter(({ name }) => !existing.has(name));
  if (missing.length > 0) {
    await createTopics(admin, missing, partitions);
    await awaitLeaders(admin, missing);
  }
  const found = new Map<string, FoundTopic>();
  const problems: string[] = [];
  // One after the other, because a refusal does not say which topic of a request it is about.
  for (const layout of layouts) {
    const topic = await describeTopic(admin, layout.name);
    found.set(layout.name, topic);
    problems.push(...topicProblems(layout, topic));
  }
  if (problems.length === 0) return found;
  throw new TopicMisconfigured(
    `${problems.join("; ")}: alter the topics, or publish under another topic prefix`,
  );
}

async function createTopics(
  admin: Admin,
  layouts: readonly TopicLayout[],
  partitions: number,
): Promise<void> {
  const { brokers } = await asPort("asking for the brokers", () => admin.describeCluster());
  const { copies, inSyncMin } = copiesOn(brokers.length);
  const topics = layouts.map(({ name, required, chosen, ...layout }) => ({
    topic: name,
    numPartitions: layout.partitions ?? partitions,
    replicationFactor: copies,
    configEntries: Object.entries({
      ...required,
      ...chosen,
      "min.insync.replicas": String(inSyncMin),
    }).map(([setting, value]) => ({ name: setting, value })),
  }));
  try {
    await admin.createTopics({ topics, waitForLeaders: false });
  } catch (error) {
    const refusals = refusalsIn(error);
    if (refusals.length === 0) await asPort("creating the topics", () => Promise.reject(error));
    // Another publisher may have just created it; it is checked like any other.
    const refused = refusals.filter(({ type }) => type !== "TOPIC_ALREADY_EXISTS");
    if (refused.length === 0) return;
    throw new TopicMisconfigured(
      `${refused.map(({ topic, message }) => `topic ${topic} is not there, or hidden from this user, and cannot be created: ${message}`).join("; ")}; create it with ${describeSettings(layouts)}`,
      { cause: error },
    );
  }
}

/** Waits until the partitions have leaders, which takes a moment after creation. */
async function awaitLeaders(admin: Admin, layouts: readonly TopicLayout[]): Promise<void> {
  for (const { name } of layouts) {
    // Topics that this user may not describe are not listed, as if they were missing.
    const work = () => retryTransient(() => admin.fetchTopicOffsets(name));
    await asPort(`waiting for the leaders of ${name}`, work, { topic: `describe ${name}` });
  }
}

type Refusal = Error & Readonly<{ type: string; topic: string }>;

/** The broker's answer for each topic. */
function refusalsIn(error: unknown): readonly Refusal[] {
  if (!(error instanceof Error) || error.name !== "KafkaJSAggregateError") return [];
  return (error as Error & { errors: readonly Refusal[] }).errors;
}

function describeSettings(layouts: readonly TopicLayout[]): string {
  return layouts
    .map(({ name, required }) => {
      const settings = Object.entries(required).map(([setting, value]) => `${setting}=${value}`);
      return `${name}: ${settings.join(" ")}`;
    })
    .join(", ");
}

/** The protocol's resource type of a topic. */
const TOPIC_RESOURCE = 2;

async function describeTopic(admin: Admin, name: string): Promise<FoundTopic> {
  const describe = () => retryTransient(() => admin.fetchTopicMetadata({ topics: [name] }));
  const { topics } = await asPort(`describing topic ${name}`, describe, {
    topic: `describe ${name}`,
  });
  const resources = [{ type: TOPIC_RESOURCE, name }];
  const configure = () =>
    retryTransient(() => admin.describeConfigs({ includeSynonyms: false, resources }));
  const described = await asPort(`reading the settings of topic ${name}`, configure, {
    topic: `describe the settings of ${name} (DescribeConfigs)`,
  });
  const entries = described.resources.flatMap(({ configEntries }) => configEntries);
  return {
    partitions: topics.reduce((sum, { partitions }) => sum + partitions.length, 0),
    settings: Object.fromEntries(
      entries.map(({ configName, configValue }) => [configName, configValue]),
    ),
  };
}
