import type { Config } from "@counterfoil/contracts/config";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { PublisherEvent } from "@counterfoil/publisher/publisher";
import type { Logger } from "pino";
import { spawnThread } from "./spawn.ts";
import { type SupervisedThread, superviseThread } from "./supervise.ts";

export type PublisherThreadDeps = Readonly<{
  config: Config;
  clock: Clock;
  logger: Logger;
  report: (event: PublisherEvent) => void;
}>;

/** The publisher on a thread beside the event loop that answers webhooks. */
export function startPublisherThread(deps: PublisherThreadDeps): SupervisedThread {
  const { config, clock, logger, report } = deps;
  return superviseThread({
    create: () => spawnThread({ kind: "publisher", config }),
    onMessage: report,
    onCrash: () => report({ kind: "state", state: "failed" }),
    clock,
    logger: logger.child({ thread: "publisher" }),
  });
}
