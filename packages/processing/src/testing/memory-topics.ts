import { TOPICS } from "@counterfoil/contracts/kafka";
import {
  PublisherFenced,
  RecordTooLarge,
  type TopicPublisher,
  type TopicRecord,
  type Topics,
  TopicsUnavailable,
} from "../ports/topics.ts";

/** What several instances of the same topics share, as processes share a broker. */
export type MemoryTopicStorage = {
  /** Everything that was committed, in order. */
  readonly records: TopicRecord[];
  checkpoint: string | null;
  /** Raised by whoever opens the topics. */
  epoch: number;
};

const PAGE = 100;

export function createMemoryTopicStorage(): MemoryTopicStorage {
  return { records: [], checkpoint: null, epoch: 0 };
}

/** What becomes of a transaction: both kinds of loss look the same to the publisher. */
export type MemoryTopicFault = "lost before it was committed" | "lost after it was committed";

type MemoryTopicsOptions = Readonly<{
  storage: MemoryTopicStorage;
  /** Asked at every transaction. */
  fault?: () => MemoryTopicFault | null;
  /** Length of a record's key and value that is taken. */
  limit?: () => number;
}>;

/** Topics that live as long as their storage. */
export function createMemoryTopics(options: MemoryTopicsOptions): Topics {
  const { storage } = options;
  return {
    prepare: async () => {},
    open: async () => {
      storage.epoch += 1;
      return publisherOf(options);
    },
  };
}

function publisherOf({
  storage,
  fault = () => null,
  limit = () => Number.POSITIVE_INFINITY,
}: MemoryTopicsOptions): TopicPublisher {
  const { epoch, checkpoint } = storage;
  const written = new Set(storage.records.map(({ topic }) => topic));
  return {
    checkpoint,
    unwritten: new Set(TOPICS.filter((topic) => !written.has(topic))),
    publish: async (transaction) => {
      if (storage.epoch !== epoch) throw new PublisherFenced("the topics were opened again");
      const length = limit();
      const large = transaction.records.filter(
        ({ key, value }) => key.length + (value?.length ?? 0) > length,
      );
      if (large.length > 0) {
        throw new RecordTooLarge(`${large.length} records are too large`, large);
      }
      const trouble = fault();
      if (trouble !== "lost before it was committed") {
        storage.records.push(...transaction.records);
        storage.checkpoint = transaction.checkpoint;
      }
      if (trouble !== null) throw new TopicsUnavailable(trouble);
    },
    readStates: async (topic, take) => {
      const states = storage.records.filter((record) => record.topic === topic);
      for (let at = 0; at < states.length; at += PAGE) await take(states.slice(at, at + PAGE));
    },
    close: async () => {},
  };
}
