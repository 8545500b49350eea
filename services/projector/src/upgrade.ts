import type { Backends } from "@counterfoil/adapters/connect";
import type { ProjectorOptions } from "@counterfoil/processing/projector";
import { rebuildModel } from "@counterfoil/processing/rebuild";
import type { Logger } from "pino";

export type UpgradeDeps = Readonly<{
  /** A projector itself only reads the stream; an activation has to be appended to it. */
  openForWriting: () => Promise<Backends>;
  build: string;
  logger: Logger;
}>;

/** Builds the generation of this program's model version beside the one that is served. */
export function createUpgrade({
  openForWriting,
  build,
  logger,
}: UpgradeDeps): ProjectorOptions["upgrade"] {
  return async (projection, signal) => {
    const { model, version } = projection;
    const backends = await openForWriting();
    // An operator's rebuild of the same model would be the same work done twice.
    const lock = await backends.locks.acquire(`rebuild-${model}`, signal);
    try {
      if (lock === null) return;
      logger.info({ model, model_version: version }, "model version is new: building it");
      const options = { ...backends, projection, build, signal, cause: "upgrade" } as const;
      const { outcome, generation, durationMs } = await rebuildModel(options);
      logger.info({ model, outcome, generation, duration_ms: durationMs }, "model version built");
    } finally {
      await lock?.release();
      await backends.close();
    }
  };
}
