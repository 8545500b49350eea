import type { ModelName } from "@counterfoil/contracts/fact";
import type { ProjectorState } from "@counterfoil/processing/projection/projector";

/**
 * `forked`: the model followed another stream and waits for a rebuild; `failed`: a fault of the
 * program, tried again after a pause; `stopped`: this process does not project it any more.
 */
export type ModelState = ProjectorState | "forked" | "failed" | "stopped";

/** What a projector reports to its caller; plain data, since it may come from another thread. */
export type ProjectorEvent =
  | Readonly<{ kind: "state"; model: ModelName; state: ModelState }>
  | Readonly<{
      kind: "commit";
      model: ModelName;
      /** Since the report before. */
      commits: number;
      events: number;
      position: number;
      /** Subjects that wait for a fix. */
      stopped: number;
    }>;
