import type { Clock } from "@counterfoil/processing/ports/clock";
import { inTime } from "@counterfoil/processing/ports/clock";
import { Problem } from "./problem.ts";

/** Whether a process should be sent anything, which is more than that it is alive. */
export type Readiness = Readonly<{
  /** @throws Problem not_ready, or what the role's own check throws */
  assert: () => Promise<void>;
  /** From now on it is not: what has been sent is answered, and whoever asks sends elsewhere. */
  drain: () => void;
  isDraining: () => boolean;
}>;

/** Whoever asks must not wait for a server that is silent. */
const PATIENCE_MS = 2_000;

const STOPPING = new Problem("not_ready", "the service is stopping");
const SILENT = new Problem("not_ready", "what the service needs has not answered for 2 s");

function throwSilent(): never {
  throw SILENT;
}

/** @param check what the role needs to do its work; throws where it is not there */
export function createReadiness(check: () => Promise<void>, clock: Clock): Readiness {
  let isDraining = false;
  return {
    async assert() {
      if (isDraining) throw STOPPING;
      await inTime(check(), { ms: PATIENCE_MS, late: throwSilent }, clock);
    },
    drain() {
      isDraining = true;
    },
    isDraining: () => isDraining,
  };
}
