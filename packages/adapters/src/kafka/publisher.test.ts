import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Partitioners, type PartitionMetadata } from "kafkajs";
import { choosePartition, createSentOnce } from "./publisher.ts";

function partitionOf(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    leader: 1,
  })) as PartitionMetadata[];
  const message = { key, value: "any" };
  return choosePartition()({ topic: "any", partitionMetadata, message });
}

/** The hashes that Kafka's own tests of its Java client pin. */
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

  test("is that of the client's own partitioner, and found at once however long the key is", () => {
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

  test("is frozen for keys of ours", () => {
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
  const sentOnce = createSentOnce(choosePartition);
  const partitionOf = sentOnce.createPartitioner();
  const attempt = (messages: readonly { key: string; value: string }[]) =>
    messages.map((message) => partitionOf({ topic: "t", partitionMetadata: metadata, message }));
  const send = () => ["a", "b", "a"].map((key) => ({ key, value: "1" }));

  test("goes where the partitioner says", () => {
    const plain = choosePartition();
    const messages = send();
    expect(attempt(messages)).toEqual(
      messages.map((message) => plain({ topic: "t", partitionMetadata: metadata, message })),
    );
  });

  test("that took one try was sent once, whatever was sent before", () => {
    for (let round = 0; round < 3; round += 1) {
      const isOnce = sentOnce.watch();
      attempt(send());
      expect(isOnce()).toBe(true);
    }
  });

  test("that took two tries was not, even where the first did not get to its end", () => {
    const [first, ...rest] = send();
    const isOnce = sentOnce.watch();
    if (first) attempt([first]);
    expect(isOnce()).toBe(true);
    if (first) attempt([first, ...rest]);
    expect(isOnce()).toBe(false);
    expect(sentOnce.watch()()).toBe(true);
  });
});
