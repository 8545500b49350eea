import { FACT_TOPIC, STATE_TOPICS, TOPIC_VERSION, topicName } from "@counterfoil/contracts/kafka";

/** The settings that a topic needs for what is promised of it. */
export type TopicLayout = Readonly<{
  name: string;
  /** null: any number; a key's partition depends on it, so it may not change once there are records. */
  partitions: number | null;
  /** Settings without which a promise would be broken. */
  required: Readonly<Record<string, string>>;
  /** Further settings of a topic that this program creates. */
  chosen: Readonly<Record<string, string>>;
}>;

/** A topic as the broker has it. */
export type FoundTopic = Readonly<{
  partitions: number;
  settings: Readonly<Record<string, string>>;
}>;

/** Facts are kept for ever. */
const FACTS = { "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" };
/** And nothing else: a topic that deletes besides would forget records that have not changed. */
const STATES = { "cleanup.policy": "compact" };

const WEEK_MS = 7 * 24 * 3600 * 1000;
/** Readers that were away for less see every tombstone. */
const STATES_CHOSEN = { "delete.retention.ms": String(WEEK_MS) };
/** One record a transaction: only what lies in a closed segment can be compacted. */
const CHECKPOINT_CHOSEN = { "segment.bytes": String(1024 * 1024), "segment.ms": "3600000" };

export const checkpointTopicName = (prefix: string): string =>
  `${prefix}.publisher.${TOPIC_VERSION}`;

/** Every topic of a ledger. */
export function topicLayouts(prefix: string): readonly TopicLayout[] {
  return [
    { name: topicName(prefix, FACT_TOPIC), partitions: null, required: FACTS, chosen: {} },
    ...(Object.keys(STATE_TOPICS) as (keyof typeof STATE_TOPICS)[]).map((topic) => ({
      name: topicName(prefix, topic),
      partitions: null,
      required: STATES,
      chosen: STATES_CHOSEN,
    })),
    {
      name: checkpointTopicName(prefix),
      partitions: 1,
      required: STATES,
      chosen: CHECKPOINT_CHOSEN,
    },
  ];
}

/** What is wrong with a topic, a sentence a setting: what was found, what was expected. */
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

/** How many copies a new topic has, and how many of them must be written before it is acknowledged. */
export function copiesOn(brokers: number): Readonly<{ copies: number; inSyncMin: number }> {
  const copies = Math.min(3, Math.max(1, brokers));
  return { copies, inSyncMin: copies < 3 ? 1 : 2 };
}
