import { describe, expect, test } from "@jest/globals";
import { choosePartition } from "./partition.ts";
import { createSentOnce } from "./sent-once.ts";

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
