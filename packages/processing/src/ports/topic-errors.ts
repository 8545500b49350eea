import type { TopicRecord } from "./topic-publisher.ts";

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
