import {
  addressOf,
  type Environment,
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
  /** @returns its exit code */
  stop: () => Promise<number | null>;
  log: () => string;
}>;

export function startLivingRole(args: readonly string[], env: Environment): LivingRole {
  let process: RunningProcess;
  let address: string | null = null;

  function start(): void {
    const started = startRole(args, env);
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
    kill: async () => {
      process.signal("SIGKILL");
      await process.ended;
      start();
    },
    stop: () => stopRole(process),
    log: () => process.log(),
  };
}
