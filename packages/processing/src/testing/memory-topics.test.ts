import { createMemoryTopicStorage, createMemoryTopics } from "./memory-topics.ts";
import { describeTopicsContract } from "./topics.contract.ts";

describeTopicsContract("memory", async () => {
  const storage = createMemoryTopicStorage();
  return {
    topics: () => createMemoryTopics({ storage }),
    committed: async (topics) => storage.records.filter(({ topic }) => topics.includes(topic)),
    dispose: async () => {},
  };
});
