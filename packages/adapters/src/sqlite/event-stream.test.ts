import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeEventStreamContract } from "@counterfoil/processing/testing/event-stream.contract";
import { nodeHashing } from "../node/hashing.ts";
import { openEventStream } from "./event-stream.ts";

describeEventStreamContract("sqlite", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-stream-"));
  return {
    ledger: "examination",
    hashing: nodeHashing,
    open: (clock) =>
      openEventStream({ dataDir, ledger: "examination", hashing: nodeHashing, clock }),
    dispose: () => rm(dataDir, { recursive: true }),
  };
});
