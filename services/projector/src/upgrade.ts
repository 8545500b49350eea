import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { VersionDifferences } from "@counterfoil/processing/generations/compare";
import { upgradeModel } from "@counterfoil/processing/generations/rebuild";
import type { ProjectorOptions } from "@counterfoil/processing/projection/projector";
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
    try {
      logger.info({ model, model_version: version }, "model version is new: building it");
      const result = await upgradeModel({ backends, projection, build, signal });
      if (result === null) return;
      const { outcome, generation, durationMs, versions } = result;
      logger.info({ model, outcome, generation, duration_ms: durationMs }, "model version built");
      if (versions !== null) logDifferences(versions, model, logger);
    } finally {
      await backends.close();
    }
  };
}
