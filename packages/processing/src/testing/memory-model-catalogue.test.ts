import { createMemoryModelCatalogue } from "./memory-model-catalogue.ts";
import { describeModelStoreContract } from "./model-store.contract.ts";

describeModelStoreContract("memory", async () => {
  const catalogue = createMemoryModelCatalogue();
  return { open: async () => catalogue, dispose: async () => {} };
});
