import { describeIdentityIndexContract } from "./identity-index.contract.ts";
import { createMemoryIdentityIndex } from "./memory-identity-index.ts";

describeIdentityIndexContract("memory", async () => {
  const index = createMemoryIdentityIndex();
  return { open: async () => index, dispose: async () => {} };
});
