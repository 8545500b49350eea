import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Partitioners, type PartitionMetadata } from "kafkajs";
import { choosePartition, createRepeatDetector } from "./publisher.ts";

function partitionOf(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    leader: 1,
  })) as PartitionMetadata[];
  const message = { key, value: "any" };
  return choosePartition()({ topic: "any", partitionMetadata, message });
}

/** The hashes in Kafka's own tests of its Java client. */
const HASHES: readonly (readonly [string, number])[] = [
  ["21", -973_932_308],
  ["foobar", -790_332_482],
  ["a-little-bit-long-string", -985_981_536],
  ["a-little-bit-longer-string", -1_486_304_829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971],
  ["abc", 479_470_107],
];

describe("the partition of a key", () => {
  test.each(HASHES)("%s is that of Kafka's own clients", (key, hash) => {
    for (const partitions of [1, 2, 3, 6, 12, 31]) {
      expect(partitionOf(key, partitions)).toBe((hash & 0x7fffffff) % partitions);
    }
  });

  test("is that of the client's own partitioner, and is computed quickly for long keys", () => {
    const theirs = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({ partitionId }));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (key) => {
        const message = {
          topic: "any",
          partitionMetadata,
          message: { key, value: "any" },
        } as never;
        expect(partitionOf(key, 7)).toBe(theirs(message));
      }),
    );
    const before = performance.now();
    partitionOf("é".repeat(1_000_000), 7);
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test("never changes for existing keys", () => {
    const keys = [
      "zerohash:DEF456:ABC123:general:available:BTC",
      "run:94087",
      "ledger",
      "größe 漢",
    ];
    expect(keys.map((key) => partitionOf(key, 6))).toEqual([1, 5, 2, 5]);
  });
});

const metadata = [0, 1, 2].map((partitionId) => ({
  partitionErrorCode: 0,
  partitionId,
  leader: 1,
  replicas: [1],
  isr: [1],
}));

describe("a send of the client", () => {
  const repeatDetector = createRepeatDetector(choosePartition);
  const partitionOf = repeatDetector.createPartitioner();
  const attempt = (messages: readonly { key: string; value: string }[]) =>
    messages.map((message) => partitionOf({ topic: "t", partitionMetadata: metadata, message }));
  const send = () => ["a", "b", "a"].map((key) => ({ key, value: "1" }));

  test("goes to the partition of the partitioner", () => {
    const plain = choosePartition();
    const messages = send();
    expect(attempt(messages)).toEqual(
      messages.map((message) => plain({ topic: "t", partitionMetadata: metadata, message })),
    );
  });

  test("with one try was sent once, whatever was sent before", () => {
    for (let round = 0; round < 3; round += 1) {
      const wasSentOnce = repeatDetector.watch();
      attempt(send());
      expect(wasSentOnce()).toBe(true);
    }
  });

  test("with two tries was not, even if the first was incomplete", () => {
    const [first, ...rest] = send();
    const wasSentOnce = repeatDetector.watch();
    if (first) attempt([first]);
    expect(wasSentOnce()).toBe(true);
    if (first) attempt([first, ...rest]);
    expect(wasSentOnce()).toBe(false);
    expect(repeatDetector.watch()()).toBe(true);
  });
});
