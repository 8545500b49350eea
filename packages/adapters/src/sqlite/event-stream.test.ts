import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeEventStreamContract } from "@counterfoil/processing/testing/event-stream.contract";
import { describe } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";

describe.each([
  ["sqlite", false],
  ["sqlite on a thread of its own", true],
])("%s", (name, ownThread) => {
  describeEventStreamContract(name, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-stream-"));
    const options = { dataDir, ledger: "examination", hashing: nodeHashing, ownThread };
    return {
      ledger: "examination",
      hashing: nodeHashing,
      open: (clock) => openEventStream({ ...options, clock }),
      dispose: () => rm(dataDir, { recursive: true }),
    };
  });
});
