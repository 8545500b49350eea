import { describeEventStreamContract } from "@counterfoil/processing/testing/event-stream.contract";
import { afterAll, beforeAll } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { type EventStoreDouble, startEventStoreDouble } from "./testing/eventstore-double.ts";
import { createMemoryIdentityIndex } from "./testing/memory-identity-index.ts";
import { APPEND_COUNTED_MAX } from "./write.ts";

let double: EventStoreDouble;
let ledgers = 0;
beforeAll(async () => {
  double = await startEventStoreDouble();
});
afterAll(() => double.close());

describeEventStreamContract("eventstore, on the double", async () => {
  ledgers += 1;
  const ledger = `examination-${ledgers}`;
  const index = createMemoryIdentityIndex();
  return {
    ledger,
    hashing: nodeHashing,
    appendBytesMax: APPEND_COUNTED_MAX,
    isExact: true,
    open: (clock) =>
      openEventStream({
        url: double.url,
        ledger,
        hashing: nodeHashing,
        clock,
        index,
        timing: { idleTimeoutMs: 60_000, retryForMs: 60_000 },
      }),
    dispose: async () => {},
  };
});
