import { createRandom, type Random, shuffled } from "../random.ts";
import {
  byArrival,
  isWebhook,
  type PlannedDelivery,
  type PlannedWebhook,
  plannedWebhook,
} from "./planned-delivery.ts";

/**
 * Another order of recording: webhooks in any order and anywhere between the frames, while each
 * feed keeps the order of what it sees. Arrival times stay what they are, so they no longer rise.
 */
export function shuffleDeliveries<D extends Readonly<{ kind: string; feed?: string }>>(
  deliveries: readonly D[],
  seed: number | string,
): readonly D[] {
  const random = createRandom(seed, "shuffle");
  const lanes = Map.groupBy(deliveries, ({ kind, feed }) =>
    kind === "webhook" ? "" : (feed ?? ""),
  );
  lanes.set("", shuffled(lanes.get("") ?? [], random));
  const turns = [...lanes].flatMap(([lane, list]) => list.map(() => lane));
  const positions = new Map<string, number>();
  return shuffled(turns, random).map((lane) => {
    const position = positions.get(lane) ?? 0;
    positions.set(lane, position + 1);
    return lanes.get(lane)?.[position] as D;
  });
}

/**
 * Other arrival times: each webhook comes at any time from its sending to `untilNs` (or when it
 * was planned, if that is later); frames come when they came. Sorted by arrival again.
 */
export function scatterWebhooks(
  deliveries: readonly PlannedDelivery[],
  { seed, untilNs }: Readonly<{ seed: number | string; untilNs: bigint }>,
): readonly PlannedDelivery[] {
  const random = createRandom(seed, "scatter");
  return deliveries
    .map((delivery) => (isWebhook(delivery) ? scatter(delivery, untilNs, random) : delivery))
    .sort(byArrival);
}

function scatter(webhook: PlannedWebhook, untilNs: bigint, random: Random): PlannedWebhook {
  const { sentAtNs, arrivesAtNs, notificationId, message } = webhook;
  const lastNs = untilNs > arrivesAtNs ? untilNs : arrivesAtNs;
  const waitNs = random.bigintBelow(lastNs - sentAtNs + 1n);
  return plannedWebhook({ arrivesAtNs: sentAtNs + waitNs, sentAtNs, notificationId, message });
}
