import { describeRoleLocksContract } from "../testing/role-locks.contract.ts";
import { createMemoryRoleLocks } from "./role-locks.ts";

describeRoleLocksContract("memory", async () => {
  const locks = createMemoryRoleLocks();
  return { open: async () => locks, dispose: async () => {} };
});
