import { describeHeadsContract } from "../testing/heads.contract.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";

describeHeadsContract("memory", async () => ({
  open: async () => createMemoryModelCatalogue(),
  dispose: async () => {},
}));
