import { describeModelStoreContract } from "../testing/model-store.contract.ts";
import { createMemoryModelCatalogue } from "./model-catalogue.ts";

describeModelStoreContract("memory", async () => {
  const catalogue = createMemoryModelCatalogue();
  return { open: async () => catalogue, dispose: async () => {} };
});
