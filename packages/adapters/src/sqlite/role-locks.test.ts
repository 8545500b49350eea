import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { describeRoleLocksContract } from "@counterfoil/processing/testing/role-locks.contract";
import { expect, test } from "@jest/globals";
import { createRoleLocks } from "./role-locks.ts";

describeRoleLocksContract("sqlite", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-locks-"));
  return {
    open: async () => createRoleLocks({ dataDir }),
    dispose: () => rm(dataDir, { recursive: true }),
  };
});

test("a lock that the disk does not take is an engine's error, which may pass", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "counterfoil-locks-"));
  await writeFile(join(dataDir, "locks"), "a file, where a folder is needed");
  const { acquire, tryAcquire } = createRoleLocks({ dataDir });
  for (const taking of [tryAcquire("heads"), acquire("heads", AbortSignal.timeout(5_000))]) {
    await expect(taking).rejects.toThrow(StreamUnavailable);
  }
  await rm(dataDir, { recursive: true });
});
