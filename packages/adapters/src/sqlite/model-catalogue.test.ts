import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeModelStoreContract } from "@counterfoil/processing/testing/model-store.contract";
import { openModelCatalogue } from "./model-catalogue.ts";

describeModelStoreContract("sqlite", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-models-"));
  return {
    open: async () => openModelCatalogue({ dataDir }),
    dispose: () => rm(dataDir, { recursive: true }),
  };
});
