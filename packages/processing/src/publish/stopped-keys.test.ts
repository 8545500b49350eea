import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { describe, expect, test } from "@jest/globals";
import type { TopicRecord } from "../ports/topics.ts";
import { createMemoryTopicStorage, createMemoryTopics } from "../testing/memory-topics.ts";
import { fact, state } from "../testing/topics.contract.ts";
import { publishAccepted, retryFacts } from "./stopped-keys.ts";
import { firstCheckpoint, parseCheckpoint } from "./topic-format.ts";

const LARGE = "x".repeat(1000);
const anomaly = (record: TopicRecord): TopicRecord => ({ ...record, topic: "anomalies" });

async function openWorld() {
  const storage = createMemoryTopicStorage();
  const publisher = await createMemoryTopics({ storage, limit: () => 500 }).open();
  const checkpoint = { ...firstCheckpoint("books"), position: 9, hash: "h" };
  const publish = (records: readonly TopicRecord[], before = checkpoint) =>
    publishAccepted({ publisher, hashing }, records, before, (stopped) => ({ ...before, stopped }));
  const published = () => storage.records.map(({ topic, key }) => `${topic} ${key}`);
  return { storage, publisher, publish, published };
}

describe("keys that are stopped", () => {
  test("do not hold back records of another key or topic, nor tombstones of any model", async () => {
    const { storage, publish, published } = await openWorld();
    const records = [fact("a", 1, LARGE), fact("b", 2), fact("a", 3), state("a", 3)];
    const after = await publish([...records, anomaly(state("gap:a", 3, null))]);
    expect(published()).toEqual(["events b", "balances a", "anomalies gap:a"]);
    expect(after.stopped).toMatchObject([{ topic: "events", key: "a", position: 1, model: null }]);
    expect(parseCheckpoint(storage.checkpoint, "books")).toEqual(after);
    await publish([fact("a", 4), anomaly(state("gap:a", 4, null)), fact("b", 4)], after);
    expect(published().slice(3)).toEqual(["anomalies gap:a", "events b"]);
  });

  test("of a state resume with the next record that fits; a tombstone does", async () => {
    const { publish, published } = await openWorld();
    const stopped = await publish([state("a", 1, LARGE), state("b", 1)]);
    expect(stopped.stopped).toMatchObject([{ topic: "balances", key: "a", model: "balances" }]);
    expect((await publish([state("a", 2, null)], stopped)).stopped).toEqual([]);
    expect(published()).toEqual(["balances b", "balances a"]);
  });

  test("cause no read of the stream if there are none", async () => {
    const { publisher } = await openWorld();
    const stream = {
      read: () => Promise.reject(new Error("nothing is to be read")),
    } as never;
    const limits = { count: 10, bytes: 1000 };
    const checkpoint = { ...firstCheckpoint("books"), position: 9 };
    expect(await retryFacts({ publisher, hashing, stream, limits }, checkpoint)).toBe(checkpoint);
  });
});
