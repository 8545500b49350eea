import type { Config } from "@counterfoil/contracts/config";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { ProjectorEvent } from "@counterfoil/projector/projector";
import type { PublisherEvent } from "@counterfoil/publisher/publisher";
import type { Logger } from "pino";
import {
  type SupervisedThread,
  spawnThread,
  superviseThread,
  type ThreadJob,
} from "./supervise.ts";

type ThreadsDeps<Event> = Readonly<{
  config: Config;
  clock: Clock;
  logger: Logger;
  report: (event: Event) => void;
}>;

/**
 * Every model on a thread of its own, beside the event loop that answers webhooks: one that
 * works for seconds, or dies, delays neither an acknowledgement nor another model.
 */
export function startProjectorThreads(deps: ThreadsDeps<ProjectorEvent>): SupervisedThread {
  const threads = MODEL_NAMES.map((model) =>
    superviseJob(deps, {
      job: { kind: "projector", config: deps.config, model },
      name: `projector-${model}`,
      failed: { kind: "state", model, state: "failed" },
    }),
  );
  return {
    async stop() {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}

/** The publisher on a thread of its own, for the same reason. */
export function startPublisherThread(deps: ThreadsDeps<PublisherEvent>): SupervisedThread {
  return superviseJob(deps, {
    job: { kind: "publisher", config: deps.config },
    name: "publisher",
    failed: { kind: "state", state: "failed" },
  });
}

function superviseJob<Event>(
  { clock, logger, report }: ThreadsDeps<Event>,
  { job, name, failed }: Readonly<{ job: ThreadJob; name: string; failed: Event }>,
): SupervisedThread {
  return superviseThread({
    create: () => spawnThread(job),
    onMessage: report,
    onCrash: () => report(failed),
    clock,
    logger: logger.child({ thread: name }),
  });
}
