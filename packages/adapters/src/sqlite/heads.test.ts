import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeHeadsContract } from "@counterfoil/processing/testing/heads.contract";
import { openModelCatalogue } from "./model-catalogue.ts";

describeHeadsContract("sqlite", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-heads-"));
  return {
    open: async () => openModelCatalogue({ dataDir }),
    dispose: () => rm(dataDir, { recursive: true }),
  };
});
