import { describeRoleLocksContract } from "@counterfoil/processing/testing/role-locks.contract";
import { createRoleLocks } from "./role-locks.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("role locks on PostgreSQL", (use) => {
  describeRoleLocksContract("postgres", async () => {
    const { url, newLedger } = use();
    const ledger = newLedger();
    return {
      open: async () => createRoleLocks({ url, ledger }),
      dispose: async () => {},
    };
  });
});
