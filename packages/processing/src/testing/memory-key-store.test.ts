import { describeKeyStoreContract } from "./key-store.contract.ts";
import { createMemoryKeyStore } from "./memory-key-store.ts";

describeKeyStoreContract("memory", async () => {
  const kept = new Map<string, string>();
  return {
    open: async () => createMemoryKeyStore(kept),
    lose: async () => kept.clear(),
    dispose: async () => {},
  };
});
