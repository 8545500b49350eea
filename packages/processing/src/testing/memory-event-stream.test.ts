import { createHash } from "node:crypto";
import { describeEventStreamContract } from "./event-stream.contract.ts";
import { createMemoryEventStream, createMemoryStreamStorage } from "./memory-event-stream.ts";

const hashing = {
  sha1: (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex"),
  sha256: (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex"),
};

describeEventStreamContract("memory", async () => {
  const storage = createMemoryStreamStorage();
  return {
    ledger: "examination",
    hashing,
    open: async (clock) =>
      createMemoryEventStream({ ledger: "examination", hashing, clock, storage }),
    dispose: async () => {},
  };
});
