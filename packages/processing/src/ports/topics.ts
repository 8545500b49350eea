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
  /** JSON; null for a tombstone. */
  value: string | null;
  headers: FactHeaders | HeadHeaders | StateHeaders;
}>;

/** Records with the publisher's checkpoint after them; readers see all of it at once, or nothing. */
export type TopicTransaction = Readonly<{
  records: readonly TopicRecord[];
  /** Read by the next publisher; opaque text for the broker. */
  checkpoint: string;
}>;

/** A record of a state topic; its value is null if the record was removed. */
export type HeldState = Pick<TopicRecord, "key" | "value">;

/** The topics of one ledger on one broker, not yet open for publishing. */
export interface Topics {
  /**
   * Checks that the broker answers and the topics are configured correctly, and creates missing topics.
   * It fences no publisher.
   *
   * @throws TopicsUnavailable, TopicMisconfigured, BrokersDisagree
   */
  prepare(): Promise<void>;

  /**
   * Prepares, and fences the previous publisher: its open transaction is aborted.
   *
   * @throws TopicsUnavailable, TopicMisconfigured, BrokersDisagree
   */
  open(): Promise<TopicPublisher>;
}

/** The one publisher of a ledger, until another one opens the same topics. */
export interface TopicPublisher {
  /** The checkpoint of the last transaction committed before opening; null before the first. */
  readonly checkpoint: string | null;

  /** The topics to which nothing was ever written when they were opened: created anew, or still unused. */
  readonly unwritten: ReadonlySet<Topic>;

  /**
   * Commits a transaction. One transaction at a time.
   *
   * @throws RecordTooLarge before anything is sent; without those records it can be published
   * @throws PublisherFenced if another publisher has opened the topics since
   * @throws TopicsUnavailable if it may or may not have been committed; this publisher must be closed,
   *   and a new `open` shows the committed checkpoint
   */
  publish(transaction: TopicTransaction): Promise<void>;

  /**
   * Reads a state topic page by page: of every key at least its last committed record, and the records
   * of one key in order. Only between transactions.
   *
   * @throws TopicsUnavailable and the errors of `onPage`
   */
  readStates(
    topic: StateTopic,
    onPage: (states: readonly HeldState[]) => Promise<void>,
  ): Promise<void>;

  close(): Promise<void>;
}

/** The broker cannot be used now; it may recover. */
export class TopicsUnavailable extends Error {
  override readonly name: string = "TopicsUnavailable";
}

/**
 * The broker's access rules refuse what publishing needs, until somebody grants it. They may be corrected
 * at any time, so it is tried again like any other failure of a broker.
 */
export class NotAuthorized extends TopicsUnavailable {
  override readonly name = "NotAuthorized";
}

/** Another publisher has opened the topics; this one must not write any more. */
export class PublisherFenced extends Error {
  override readonly name = "PublisherFenced";
}

/** The broker refuses records of this size. Their keys stop until the limit is raised. */
export class RecordTooLarge extends Error {
  override readonly name = "RecordTooLarge";
  /** All records of the transaction that are too large. */
  readonly records: readonly TopicRecord[];

  constructor(message: string, records: readonly TopicRecord[]) {
    super(message);
    this.records = records;
  }
}

/** A topic has settings that would break its guarantees. */
export class TopicMisconfigured extends Error {
  override readonly name = "TopicMisconfigured";
}

/** The configured brokers belong to different clusters. */
export class BrokersDisagree extends Error {
  override readonly name = "BrokersDisagree";
}
