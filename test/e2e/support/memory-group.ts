import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A group of processes that the kernel gives no more memory than so much. */
export type MemoryGroup = Readonly<{
  /** A command that begins in the group: what it is told of the machine's memory is the group's. */
  within: (command: readonly string[]) => readonly string[];
  /** Once nothing of it runs any more. */
  remove: () => void;
}>;

/** Where groups are made, and what bounds one: version 1, and version 2 of the kernel's interface. */
const PLACES = [
  { folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes" },
  { folder: "/sys/fs/cgroup", limit: "memory.max" },
] as const;

/** @returns null where this user may make none, or the kernel has none */
export function createMemoryGroup(bytes: number): MemoryGroup | null {
  for (const { folder, limit } of PLACES) {
    const group = join(folder, `counterfoil-test-${process.pid}-${Date.now()}`);
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    try {
      // Where the folder is no group of the kernel's, it is empty.
      accessSync(join(group, "cgroup.procs"), constants.W_OK);
      accessSync(join(group, limit), constants.W_OK);
      writeFileSync(join(group, limit), String(bytes));
      return {
        within: (command) => [
          ...["sh", "-c", `echo $$ > ${group}/cgroup.procs && exec "$@"`, "sh"],
          ...command,
        ],
        remove: () => rmdirSync(group),
      };
    } catch {
      rmdirSync(group);
    }
  }
  return null;
}
