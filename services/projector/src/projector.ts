import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ProjectorOptions } from "@counterfoil/processing/projection/projector";
import type { Logger } from "pino";
import { projectModel } from "./project-model.ts";
import type { ProjectorEvent } from "./projector-event.ts";

export type ProjectorDeps = Readonly<{
  backends: Pick<Backends, "stream" | "catalogue" | "locks" | "clock" | "hashing">;
  models: readonly ModelName[];
  logger: Logger;
  /** Builds and activates a generation of this program's model version. */
  upgrade: ProjectorOptions["upgrade"];
  /** Called with every change of state and every commit. */
  report?: (event: ProjectorEvent) => void;
}>;

export type Projector = Readonly<{
  /** Commits what is being folded, releases the locks, and resolves. */
  stop: () => Promise<void>;
}>;

/**
 * Keeps read models up to date, each with a checkpoint and a lock of its own. A model that fails or
 * has followed another stream does not stop the others.
 */
export function startProjector(deps: ProjectorDeps): Projector {
  const { backends, models, logger, upgrade, report = () => {} } = deps;
  const stopping = new AbortController();
  const running = models.map((model) =>
    projectModel(
      {
        ...backends,
        projection: PROJECTIONS[model],
        upgrade,
        logger: logger.child({ model }),
        report,
      },
      stopping.signal,
    ),
  );
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
