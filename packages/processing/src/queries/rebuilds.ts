import type { ModelName } from "@counterfoil/contracts/fact";
import type { RebuildProgress } from "@counterfoil/contracts/record";

/** Rebuilds of this process, as an operator sees them. */
export interface Rebuilds {
  /**
   * Begins to build the model's next generation and answers at once.
   *
   * @throws RebuildRunning where one is being built.
   */
  start(model: ModelName): Promise<RebuildProgress>;
  /** How the last one that was started here is getting on; null where there was none. */
  progress(model: ModelName): RebuildProgress | null;
}

export class RebuildRunning extends Error {
  override readonly name = "RebuildRunning";
}
