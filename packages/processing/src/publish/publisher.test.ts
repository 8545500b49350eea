import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../ports/errors.ts";
import type { ModelCatalogue, ModelStore } from "../ports/model-store.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { createMemoryTopicStorage, createMemoryTopics } from "../testing/memory-topics.ts";
import { sampleEvents } from "../testing/sample-event.ts";
import { openSession } from "./publisher.ts";

const refuse = () => Promise.reject(new ModelUnavailable("planted by the test"));

/** A publisher whose stores fail at one call, and the number of stores that are open. */
async function openWorld(failing: Partial<ModelStore>) {
  const ledger = "books";
  const stream = createMemoryEventStream({ ledger, hashing, clock: createManualClock() });
  await stream.append(0, sampleEvents(1, 3));
  const whole = createMemoryModelCatalogue();
  const count = { open: 0 };
  const catalogue: ModelCatalogue = {
    ...whole,
    openForWriting: async (model, generation) => {
      const store = await whole.openForWriting(model, generation);
      count.open += 1;
      const close = async () => {
        count.open -= 1;
        await store.close();
      };
      return { ...store, ...failing, close };
    },
  };
  const publisher = await createMemoryTopics({ storage: createMemoryTopicStorage() }).open();
  return { count, open: () => openSession({ ledger, stream, catalogue, hashing, publisher }) };
}

describe("a publisher that cannot be opened", () => {
  test.each([
    ["commit", { commit: refuse }],
    ["read its checkpoint", { checkpoint: refuse }],
  ])("leaves no store open that could not %s", async (_call, failing) => {
    const { count, open } = await openWorld(failing);
    for (let tried = 0; tried < 5; tried += 1) {
      await expect(open()).rejects.toThrow(ModelUnavailable);
    }
    expect(count.open).toBe(0);
  });

  test("is no other than one that can, which keeps its store until it is closed", async () => {
    const { count, open } = await openWorld({});
    const session = await open();
    expect(count.open).toBe(1);
    await session.close();
    expect(count.open).toBe(0);
  });
});
