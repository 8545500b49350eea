import type { History, HistoryMessage, HistoryStep } from "../history/history.ts";
import { type DeliveryOptions, deliveryOptions } from "./delivery-options.ts";
import { emissionsOf } from "./emissions.ts";
import { planFeed } from "./plan-feed.ts";
import { planWebhooks } from "./plan-webhooks.ts";
import { byArrival, type PlannedDelivery } from "./planned-delivery.ts";

/**
 * What arrives where and when, on a virtual clock, sorted by arrival; equal options give equal
 * plans. Webhooks overtake each other; the frames of one connection do not.
 */
export function planDeliveries(
  history: History,
  given: Partial<DeliveryOptions> = {},
): readonly PlannedDelivery[] {
  const options = deliveryOptions(given);
  const emissions = emissionsOf(history, options.seed);
  const planned: PlannedDelivery[] = [...planWebhooks(emissions, options)];
  for (let number = 1; number <= options.feeds; number += 1) {
    const feed = `feed-${number}`;
    for (const delivery of planFeed(history, emissions, { options, feed })) planned.push(delivery);
  }
  return planned.sort(byArrival);
}

export type LostMessage = Readonly<{ step: HistoryStep; message: HistoryMessage }>;

/**
 * The messages that arrive on no channel. A snapshot may still list the balance that one of them
 * stated, though not how it came about.
 */
export function lostMessages(
  history: History,
  deliveries: Iterable<PlannedDelivery>,
): readonly LostMessage[] {
  const arrived = new Set<HistoryMessage | null>();
  for (const delivery of deliveries) {
    if (delivery.kind === "webhook" || delivery.kind === "feed-frame") {
      arrived.add(delivery.message);
    }
  }
  return history.steps.flatMap((step) =>
    step.messages.flatMap((message) => (arrived.has(message) ? [] : [{ step, message }])),
  );
}
