import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import {
  addressOf,
  type Environment,
  type Given,
  type RunningProcess,
  startRole,
  stopRole,
} from "../e2e/support/counterfoil.ts";

/** A role that is started again whenever it was killed, as a supervisor does it. */
export type LivingRole = Readonly<{
  /** Where it answers just now; null while it is starting. */
  address: () => string | null;
  whenReady: () => Promise<string>;
  kill: () => Promise<void>;
  /** Stopped by a signal and going on after a while, as on a machine that has too much to do. */
  pause: (ms: number) => Promise<void>;
  /** The most bytes that it ever held in memory, killed ones before it too; 0 where nobody says so. */
  memoryMax: () => number;
  /** @returns its exit code */
  stop: () => Promise<number | null>;
  log: () => string;
}>;

export function startLivingRole(
  args: readonly string[],
  env: Environment,
  given: Given = {},
): LivingRole {
  let process: RunningProcess;
  let address: string | null = null;
  let memoryMax = 0;

  const look = () => {
    memoryMax = Math.max(memoryMax, peakMemory(process.pid));
    return memoryMax;
  };

  function start(): void {
    const started = startRole(args, env, given);
    process = started;
    address = null;
    const ready = (found: string) => {
      if (process === started) address = found;
    };
    // Killed before it was ready, it has none.
    addressOf(started).then(ready, () => undefined);
  }

  start();
  return {
    address: () => address,
    whenReady: () => addressOf(process),
    memoryMax: look,
    pause: async (ms) => {
      const paused = process;
      paused.signal("SIGSTOP");
      await wait(ms);
      paused.signal("SIGCONT");
    },
    kill: async () => {
      look();
      process.signal("SIGKILL");
      await process.ended;
      start();
    },
    stop: () => stopRole(process),
    log: () => process.log(),
  };
}

/** As Linux counts it. */
function peakMemory(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
