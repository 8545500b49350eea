import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { VersionDifferences } from "@counterfoil/processing/compare-versions";
import type { ProjectorOptions } from "@counterfoil/processing/projection/projector";
import { pruneGenerations } from "@counterfoil/processing/prune-generations";
import { rebuildModel } from "@counterfoil/processing/rebuild";
import type { Logger } from "pino";

export type UpgradeDeps = Readonly<{
  /** A projector itself only reads the stream; an activation has to be appended to it. */
  openForWriting: () => Promise<Backends>;
  build: string;
  logger: Logger;
}>;

/** Which rows differ, never what is in them: a log is no place for balances. */
function logDifferences(
  { position, counts, samples }: VersionDifferences,
  model: ModelName,
  logger: Logger,
): void {
  const shown = samples.map(({ table, key, live, rebuilt, columns }) => ({
    row: `${table} ${key.join("/")}`,
    in: live === null ? "new" : rebuilt === null ? "old" : "both",
    columns,
  }));
  logger.info({ model, position, differing_rows: counts, samples: shown }, DIFFERS);
}

const DIFFERS = "rows that the new model version has otherwise than the old one";

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
      const { outcome, generation, durationMs, versions } = await rebuildModel(options);
      logger.info({ model, outcome, generation, duration_ms: durationMs }, "model version built");
      if (versions !== null) logDifferences(versions, model, logger);
      if (outcome === "activated") await pruneGenerations({ ...backends, model });
    } finally {
      await lock?.release();
      await backends.close();
    }
  };
}
