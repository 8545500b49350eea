import type { Config } from "@counterfoil/contracts/config";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { ProjectorEvent } from "@counterfoil/projector/projector-event";
import type { Logger } from "pino";
import { spawnThread } from "./spawn.ts";
import { type SupervisedThread, superviseThread } from "./supervise.ts";

export type ProjectorThreadsDeps = Readonly<{
  config: Config;
  clock: Clock;
  logger: Logger;
  report: (event: ProjectorEvent) => void;
}>;

/**
 * Every model on a thread of its own, beside the event loop that answers webhooks: one that
 * works for seconds, or dies, delays neither an acknowledgement nor another model.
 */
export function startProjectorThreads(deps: ProjectorThreadsDeps): SupervisedThread {
  const { config, clock, logger, report } = deps;
  const threads = MODEL_NAMES.map((model) =>
    superviseThread({
      create: () => spawnThread({ kind: "projector", config, model }),
      onMessage: report,
      onCrash: () => report({ kind: "state", model, state: "failed" }),
      clock,
      logger: logger.child({ thread: `projector-${model}` }),
    }),
  );
  return {
    async stop() {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}
