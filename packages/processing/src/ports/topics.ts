import type {
  FactHeaders,
  HeadHeaders,
  StateHeaders,
  StateTopic,
  Topic,
} from "@counterfoil/contracts/kafka";

/** One message. All messages of one key of a topic stay in the order in which they are published. */
export type TopicRecord = Readonly<{
  topic: Topic;
  key: string;
  /** JSON; null where nothing is left under the key. */
  value: string | null;
  headers: FactHeaders | HeadHeaders | StateHeaders;
}>;

/** Records, and how far the publisher has come with them: readers see all of it at once, or nothing. */
export type TopicTransaction = Readonly<{
  records: readonly TopicRecord[];
  /** What the next publisher finds; text that says nothing to the broker. */
  checkpoint: string;
}>;

/** What a state topic holds; null where the record was removed. */
export type HeldState = Pick<TopicRecord, "key" | "value">;

/** The topics of one ledger on one broker, not yet open for publishing. */
export interface Topics {
  /**
   * Looks whether the broker answers and the topics are as they must be, and creates those that are
   * missing. It fences nobody.
   *
   * @throws TopicsUnavailable, TopicMisconfigured, BrokersDisagree
   */
  prepare(): Promise<void>;

  /**
   * Prepares, and makes sure that whoever published before can do so no more: what it left half
   * done is undone.
   *
   * @throws TopicsUnavailable, TopicMisconfigured, BrokersDisagree
   */
  open(): Promise<TopicPublisher>;
}

/** The one publisher of a ledger, until another one opens the same topics. */
export interface TopicPublisher {
  /** That of the last committed transaction as of the opening; null before the first. */
  readonly checkpoint: string | null;

  /**
   * Commits a transaction. One transaction at a time.
   *
   * @throws RecordTooLarge before anything of it is sent: without those records it can be published;
   * @throws PublisherFenced where another publisher has opened the topics since;
   * @throws TopicsUnavailable where it may or may not have been committed: only a new `open` tells,
   *   and this publisher must be closed.
   */
  publish(transaction: TopicTransaction): Promise<void>;

  /**
   * Hands over what lies in a state topic, page by page: of every key at least its last committed
   * record, and the records of one key in their order. Between transactions only.
   *
   * @throws TopicsUnavailable and what `take` throws.
   */
  readStates(
    topic: StateTopic,
    take: (states: readonly HeldState[]) => Promise<void>,
  ): Promise<void>;

  close(): Promise<void>;
}

/** The broker cannot be used just now; it may recover. */
export class TopicsUnavailable extends Error {
  override readonly name = "TopicsUnavailable";
}

/** Another publisher has opened the topics since: this one must not write any more. */
export class PublisherFenced extends Error {
  override readonly name = "PublisherFenced";
}

/** The broker takes no records of this size. Their keys stop until somebody has raised the limit. */
export class RecordTooLarge extends Error {
  override readonly name = "RecordTooLarge";
  /** All of the transaction that are too large. */
  readonly records: readonly TopicRecord[];

  constructor(message: string, records: readonly TopicRecord[]) {
    super(message);
    this.records = records;
  }
}

/** A topic is there with settings under which what is promised of it could not be kept. */
export class TopicMisconfigured extends Error {
  override readonly name = "TopicMisconfigured";
}

/** The brokers that are named belong to different clusters: each would get a part. */
export class BrokersDisagree extends Error {
  override readonly name = "BrokersDisagree";
}
