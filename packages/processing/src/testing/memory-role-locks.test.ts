import { createMemoryRoleLocks } from "./memory-role-locks.ts";
import { describeRoleLocksContract } from "./role-locks.contract.ts";

describeRoleLocksContract("memory", async () => {
  const locks = createMemoryRoleLocks();
  return { open: async () => locks, dispose: async () => {} };
});
