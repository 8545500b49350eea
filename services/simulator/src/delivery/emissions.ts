import type { History, HistoryMessage } from "../history/history.ts";
import { createRandom } from "../random.ts";
import { nsOfMs } from "../time.ts";

/** When the provider sends the messages of a step; rising with the steps. */
export type Emission = Readonly<{
  step: number;
  atNs: bigint;
  messages: readonly HistoryMessage[];
}>;

/** Behind the latest movement of any run. */
const EMISSION_DELAY_MS = { min: 170, max: 250 };

export function emissionsOf(history: History, seed: number | string): readonly Emission[] {
  const random = createRandom(seed, "emissions");
  let lastNs = 0n;
  return history.steps.map(({ index, atNs, messages }) => {
    const drawnNs = atNs + nsOfMs(random.between(EMISSION_DELAY_MS.min, EMISSION_DELAY_MS.max));
    lastNs = drawnNs > lastNs ? drawnNs : lastNs;
    return { step: index, atNs: lastNs, messages };
  });
}

/** The index of the first emission at or after a time, by halving. */
export function firstEmissionFrom(emissions: readonly Emission[], atNs: bigint): number {
  let low = 0;
  let high = emissions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const emission = emissions[middle];
    if (emission !== undefined && emission.atNs < atNs) low = middle + 1;
    else high = middle;
  }
  return low;
}
