import { createMemoryModelCatalogue } from "../memory/model-catalogue.ts";
import { describeHeadsContract } from "../testing/heads.contract.ts";

describeHeadsContract("memory", async () => ({
  open: async () => createMemoryModelCatalogue(),
  dispose: async () => {},
}));
