import { describe, expect, test } from "@jest/globals";
import type { PartitionMetadata } from "kafkajs";
import { choosePartition } from "./partition.ts";

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
