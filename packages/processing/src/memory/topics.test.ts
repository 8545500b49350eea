import { describeTopicsContract } from "../testing/topics.contract.ts";
import { createMemoryTopicStorage, createMemoryTopics } from "./topics.ts";

describeTopicsContract("memory", async () => {
  const storage = createMemoryTopicStorage();
  return {
    topics: () => createMemoryTopics({ storage }),
    committed: async (topics) => storage.records.filter(({ topic }) => topics.includes(topic)),
    dispose: async () => {},
  };
});
