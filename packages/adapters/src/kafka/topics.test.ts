import { randomUUID } from "node:crypto";
import { STATE_TOPICS, TOPICS, type Topic, topicName } from "@counterfoil/contracts/kafka";
import {
  RecordTooLarge,
  TopicMisconfigured,
  type TopicRecord,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topics";
import {
  describeTopicsContract,
  fact,
  state,
} from "@counterfoil/processing/testing/topics.contract";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Admin } from "kafkajs";
import { pino } from "pino";
import { type Client, createClient } from "./client.ts";
import { BATCH_HEADER_BYTES, recordBytes } from "./requests.ts";
import { missingForBroker, startBroker, type TestBroker } from "./testing/broker.ts";
import { readCommitted } from "./testing/read-committed.ts";
import { createKafkaTopics } from "./topics.ts";

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;
const TITLE = missing === null ? "on a real broker" : `on a real broker: skipped, ${missing}`;

const logger = pino({ level: "silent" });
const TOPIC_OF = new Map(
  ["events", ...Object.keys(STATE_TOPICS)].map((topic) => [topic, topic as Topic]),
);

describeWithBroker(TITLE, () => {
  let broker: TestBroker;
  let kafka: Client;
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);

  beforeAll(async () => {
    process.on("warning", onWarning);
    broker = await startBroker();
    kafka = createClient({ brokers: [broker.address], clientId: "test", logger });
  });
  afterAll(async () => {
    await broker?.dispose();
    process.off("warning", onWarning);
  });

  const topicsOf = (prefix: string, partitions = 3) =>
    createKafkaTopics({ brokers: [broker.address], prefix, logger, partitions });

  async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async function committed(prefix: string, topics: readonly Topic[]): Promise<TopicRecord[]> {
    const found = await readCommitted(
      kafka,
      topics.map((topic) => topicName(prefix, topic)),
    );
    return found.map(({ topic, key, value, headers }) => ({
      topic: TOPIC_OF.get(topic.slice(prefix.length + 1).replace(/\.v1$/, "")) as Topic,
      key,
      value,
      headers: headers as TopicRecord["headers"],
    }));
  }

  describeTopicsContract("kafkajs", async () => {
    const prefix = `contract-${randomUUID()}`;
    return {
      topics: () => topicsOf(prefix),
      committed: (topics) => committed(prefix, topics),
      dispose: async () => {},
    };
  });

  test("creates the topics with the settings that the guarantees need", async () => {
    await topicsOf("created", 4).prepare();
    const names = [
      "events",
      "balances",
      "withdrawals",
      "deposits",
      "trades",
      "anomalies",
      "publisher",
    ];
    const found = await withAdmin((admin) =>
      admin.fetchTopicMetadata({ topics: names.map((name) => `created.${name}.v1`) }),
    );
    expect(
      Object.fromEntries(found.topics.map(({ name, partitions }) => [name, partitions.length])),
    ).toEqual(
      Object.fromEntries(names.map((name) => [`created.${name}.v1`, name === "publisher" ? 1 : 4])),
    );
    await topicsOf("created", 9).prepare();
  });

  test.each([
    [
      "events",
      [{ name: "retention.ms", value: "604800000" }],
      "retention.ms=604800000, expected -1",
    ],
    [
      "events",
      [{ name: "cleanup.policy", value: "compact" }],
      "cleanup.policy=compact, expected delete",
    ],
    ["balances", [], "cleanup.policy=delete, expected compact"],
    [
      "anomalies",
      [{ name: "cleanup.policy", value: "compact,delete" }],
      "cleanup.policy=compact,delete, expected compact",
    ],
    ["publisher", [{ name: "cleanup.policy", value: "compact" }], "2 partitions, expected 1"],
  ])("refuses topic %s with %j", async (name, configEntries, problem) => {
    const prefix = `wrong-${randomUUID()}`;
    const topic = `${prefix}.${name}.v1`;
    await withAdmin((admin) =>
      admin.createTopics({
        topics: [{ topic, numPartitions: 2, configEntries }],
        waitForLeaders: false,
      }),
    );
    const refusal = topicsOf(prefix).prepare();
    await expect(refusal).rejects.toThrow(TopicMisconfigured);
    await expect(refusal).rejects.toThrow(`topic ${topic} has`);
    await expect(refusal).rejects.toThrow(problem);
  });

  test("refuses topics whose number of partitions has changed, which would move keys", async () => {
    const first = await topicsOf("grown").open();
    await first.publish({ records: [fact("a", 1)], checkpoint: "1" });
    await first.close();
    await withAdmin((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: "grown.events.v1", count: 5 }] }),
    );
    const partitions = () =>
      withAdmin((admin) => admin.fetchTopicMetadata({ topics: ["grown.events.v1"] }));
    while ((await partitions()).topics[0]?.partitions.length !== 5);
    await expect(topicsOf("grown").open()).rejects.toThrow(TopicMisconfigured);
    await expect(topicsOf("grown").open()).rejects.toThrow("grown.events.v1=5");
  });

  test("a record fits to the byte; one byte more is refused by the broker, and by the publisher with both sizes", async () => {
    const publisher = await topicsOf("large").open();
    const limit = 1_048_588;
    const sized = (bytes: number) => fact("a", 1, "x".repeat(bytes));
    const taken = (record: TopicRecord) => recordBytes(record) + BATCH_HEADER_BYTES;
    const around = taken(sized(limit - 1000)) - (limit - 1000);
    const [fitting, beyond] = [sized(limit - around), sized(limit - around + 1)];
    expect([taken(fitting), taken(beyond)]).toEqual([limit, limit + 1]);
    const refusal = publisher.publish({ records: [fact("b", 1), beyond], checkpoint: "no" });
    await expect(refusal).rejects.toThrow(RecordTooLarge);
    await expect(refusal).rejects.toThrow(`takes ${limit + 1} bytes`);
    await expect(refusal).rejects.toThrow(`at most ${limit} (max.message.bytes)`);
    await expect(refusal).rejects.toMatchObject({ records: [{ key: "a" }] });
    const producer = kafka.producer();
    await producer.connect();
    await expect(
      producer.send({ topic: "large.events.v1", messages: [{ ...beyond }] }),
    ).rejects.toThrow("larger than the max message size");
    await producer.disconnect();
    await publisher.publish({ records: [fact("b", 1), fitting, fact("b", 2)], checkpoint: "yes" });
    await publisher.close();
    expect((await topicsOf("large").open()).checkpoint).toBe("yes");
    const found = await committed("large", ["events"]);
    expect(found.map(({ key }) => key).sort()).toEqual(["a", "b", "b"]);
  });

  test("a limit that was lowered meanwhile is detected, and read at the next opening", async () => {
    const publisher = await topicsOf("lowered").open();
    await publisher.publish({ records: [fact("a", 1)], checkpoint: "1" });
    const settings = {
      ...{ "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" },
      "max.message.bytes": "5000",
    };
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    const resources = [{ type: 2, name: "lowered.events.v1", configEntries }];
    await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources }));
    const records = [fact("b", 2), fact("a", 3, "x".repeat(10_000))];
    await expect(publisher.publish({ records, checkpoint: "3" })).rejects.toThrow(
      TopicsUnavailable,
    );
    await publisher.close();
    const next = await topicsOf("lowered").open();
    expect(next.checkpoint).toBe("1");
    await expect(next.publish({ records, checkpoint: "3" })).rejects.toMatchObject({
      name: "RecordTooLarge",
      records: [{ key: "a" }],
    });
    // Nothing was sent, so the same publisher can publish the rest.
    await next.publish({ records: [fact("b", 2)], checkpoint: "3" });
    await next.publish({ records: [], checkpoint: "3" });
    await next.close();
    const found = await committed("lowered", ["events"]);
    expect(found.map(({ headers }) => headers.counterfoil_position).sort()).toEqual(["1", "2"]);
  });

  test("a topic that was deleted is created anew, and known to be unwritten", async () => {
    const unwritten = async () => {
      const publisher = await topicsOf("deleted").open();
      await publisher.close();
      return [...publisher.unwritten].sort();
    };
    const all = [...TOPICS].sort();
    const without = (...written: readonly string[]) =>
      all.filter((topic) => !written.includes(topic));
    expect(await unwritten()).toEqual(all);
    const publisher = await topicsOf("deleted").open();
    await publisher.publish({ records: [fact("a", 1), state("a", 1)], checkpoint: "1" });
    await publisher.close();
    expect(await unwritten()).toEqual(without("events", "balances"));
    await withAdmin((admin) => admin.deleteTopics({ topics: [topicName("deleted", "balances")] }));
    expect(await unwritten()).toEqual(without("events"));
  });

  test("without a checkpoint beside records nothing is published again", async () => {
    const prefix = "forgotten";
    const producer = kafka.producer({ transactionalId: `${prefix}.publisher`, idempotent: true });
    await (await topicsOf(prefix).open()).close();
    // A first transaction that was aborted published nothing.
    await producer.connect();
    const aborted = await producer.transaction();
    await aborted.send({ topic: topicName(prefix, "events"), messages: [{ key: "a", value: "" }] });
    await aborted.abort();
    await producer.disconnect();
    const publisher = await topicsOf(prefix).open();
    expect(publisher.checkpoint).toBeNull();
    await publisher.publish({ records: [fact("a", 1)], checkpoint: "1" });
    await publisher.close();
    await withAdmin((admin) => admin.deleteTopics({ topics: [`${prefix}.publisher.v1`] }));
    const opening = topicsOf(prefix).open();
    await expect(opening).rejects.toThrow(TopicMisconfigured);
    await expect(opening).rejects.toThrow("forgotten.publisher.v1 has no checkpoint");
    const all = [...TOPICS.map((topic) => topicName(prefix, topic)), `${prefix}.publisher.v1`];
    await withAdmin((admin) => admin.deleteTopics({ topics: all }));
    expect((await topicsOf(prefix).open()).checkpoint).toBeNull();
  });

  test("an unfinished transaction of another publisher is aborted, and never read", async () => {
    const [prefix, brokers] = ["half", [broker.address]];
    const first = await topicsOf(prefix).open();
    await first.publish({ records: [fact("a", 1), state("x", 1)], checkpoint: "1" });
    await first.close();
    const producer = createClient({ brokers, clientId: "half", logger }).producer({
      transactionalId: `${prefix}.publisher`,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    for (const topic of ["events", "publisher"]) {
      const messages = [{ key: "a", value: "never seen" }];
      await transaction.send({ topic: `${prefix}.${topic}.v1`, messages });
    }
    const second = await topicsOf(prefix).open();
    expect(second.checkpoint).toBe("1");
    await second.publish({ records: [fact("a", 2)], checkpoint: "2" });
    await expect(transaction.commit()).rejects.toThrow();
    await producer.disconnect();
    await second.close();
    const found = await committed(prefix, ["events", "balances"]);
    expect(found.map(({ headers }) => headers.counterfoil_position).sort()).toEqual([
      "1",
      "1",
      "2",
    ]);
  });

  test("the checkpoint is found before hundreds of aborted transactions", async () => {
    const first = await topicsOf("aborted").open();
    await first.publish({ records: [], checkpoint: "kept" });
    await first.close();
    const producer = kafka.producer({
      transactionalId: "aborted.publisher",
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { initialRetryTime: 5, retries: 20 },
    });
    await producer.connect();
    for (let count = 0; count < 120; count += 1) {
      const transaction = await producer.transaction();
      await transaction.send({
        topic: "aborted.publisher.v1",
        messages: [{ key: "aborted", value: "no" }],
      });
      await transaction.abort();
    }
    await producer.disconnect();
    expect((await topicsOf("aborted").open()).checkpoint).toBe("kept");
  });

  test("a broker restart loses nothing", async () => {
    const first = await topicsOf("away").open();
    await first.publish({ records: [fact("a", 1)], checkpoint: "1" });
    await broker.halt("at once");
    await expect(first.publish({ records: [fact("a", 2)], checkpoint: "2" })).rejects.toThrow(
      TopicsUnavailable,
    );
    await first.close();
    await expect(topicsOf("away").prepare()).rejects.toThrow(TopicsUnavailable);
    await broker.resume();
    const second = await opened(() => topicsOf("away").open());
    expect(second.checkpoint).toBe("1");
    await second.publish({ records: [fact("a", 2)], checkpoint: "2" });
    await second.close();
    // A restarted broker needs some time to write the end markers of committed transactions.
    let found: (string | undefined)[] = [];
    while (found.length < 2) {
      const records = await committed("away", ["events"]);
      found = records.map(({ headers }) => headers.counterfoil_position);
    }
    expect(found).toEqual(["1", "2"]);
  });

  test("Node has emitted no warnings", () => {
    expect(warnings.filter((name) => name === "TimeoutNegativeWarning")).toEqual([]);
  });
});

/** A restarted broker may return transient errors. */
async function opened<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof TopicsUnavailable)) throw error;
    }
  }
}
