import { shuffleDeliveries } from "../delivery/shuffle-deliveries.ts";
import { createRandom } from "../random.ts";
import type { Outgoing } from "./outgoing.ts";

export type Distortion = Readonly<{
  seed: number | string;
  /** Chance that a webhook is sent a second time, right behind the first unless shuffled. */
  repeatRate?: number;
  /** Share of webhooks that are never sent. */
  lossRate?: number;
  /** Webhooks in any order; each feed keeps its own. */
  shuffles?: boolean;
}>;

/** A bad network in front of a scenario or a plan; frames of a feed stay as they are. */
export function distortDeliveries<D extends Outgoing>(
  deliveries: readonly D[],
  { seed, repeatRate = 0, lossRate = 0, shuffles = false }: Distortion,
): readonly D[] {
  const random = createRandom(seed, "distortion");
  const sent = deliveries.flatMap((delivery) => {
    if (delivery.kind !== "webhook") return [delivery];
    if (random.chance(lossRate)) return [];
    return random.chance(repeatRate) ? [delivery, delivery] : [delivery];
  });
  return shuffles ? shuffleDeliveries(sent, seed) : sent;
}
