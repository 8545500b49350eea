import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeRoleLocksContract } from "@counterfoil/processing/testing/role-locks.contract";
import { createRoleLocks } from "./role-locks.ts";

describeRoleLocksContract("sqlite", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-locks-"));
  return {
    open: async () => createRoleLocks({ dataDir }),
    dispose: () => rm(dataDir, { recursive: true }),
  };
});
