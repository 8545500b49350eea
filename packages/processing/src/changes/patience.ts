import type { ModelName } from "@counterfoil/contracts/fact";

/** How long changes of the other models wait for a model that is behind. */
const PATIENCE_MS = 1_000;

/**
 * Which models hold up the others: those that are not, by now, where the foremost was a second ago.
 *
 * @returns to be told again and again how far each model has come, and when
 */
export function watchLag(): (
  reached: ReadonlyMap<ModelName, number>,
  nowMs: number,
) => readonly ModelName[] {
  let aim: Readonly<{ position: number; atMs: number }> | null = null;
  return (reached, nowMs) => {
    const positions = [...reached.values()];
    const isReached = aim !== null && Math.min(...positions) >= aim.position;
    // A clock that was set back begins anew.
    if (aim === null || isReached || nowMs < aim.atMs) {
      aim = { position: Math.max(...positions), atMs: nowMs };
      return [];
    }
    if (nowMs - aim.atMs < PATIENCE_MS) return [];
    const { position } = aim;
    aim = null;
    return [...reached].filter(([, each]) => each < position).map(([model]) => model);
  };
}
