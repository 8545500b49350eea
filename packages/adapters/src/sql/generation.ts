import type { Checkpoint } from "@counterfoil/processing/ports/model-store";

/** Of one generation's tables; the meaning of their rows has the model's version. */
export const GENERATION_FORMAT = 1;

/** What the digests of no rows are. */
export const NO_ROWS = "0".repeat(64);

export const CHECKPOINT_COLUMNS = "position, hash, digest, state_digest";

/** A row of these columns. */
export function checkpointOf(cells: readonly unknown[]): Checkpoint {
  const [position, hash, digest, stateDigest] = cells;
  return {
    position: Number(position),
    hash: String(hash),
    digest: String(digest),
    state_digest: String(stateDigest),
  };
}
