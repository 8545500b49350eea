import type { History } from "../history/history.ts";
import { createRandom, type Random, shuffled } from "../random.ts";
import { nsOfMs } from "../time.ts";
import { type FeedOptions, planFeed } from "./plan-feed.ts";
import {
  byArrival,
  type Emission,
  emissionsOf,
  type PlannedDelivery,
  type PlannedWebhook,
  plannedWebhook,
  type Range,
} from "./planned-delivery.ts";

/** How the network between provider and receiver behaves. */
export type DeliveryOptions = FeedOptions &
  Readonly<{
    /** Chance of a further copy of a webhook, after each copy. */
    webhookRepeatRate: number;
    /** Most webhooks take little more than the least; those of the long tail are overtaken. */
    webhookDelayMs: Range;
    /** Share of messages none of whose webhooks arrive. */
    webhookLossRate: number;
    /** Independent clients of the Balances Feed. */
    feeds: number;
  }>;

/** Behind the latest movement of any run. */
const EMISSION_DELAY_MS = { min: 170, max: 250 };

/**
 * What arrives where and when, on a virtual clock, sorted by arrival; equal options give equal
 * plans. Webhooks overtake each other; the frames of one connection do not.
 */
export function planDeliveries(
  history: History,
  given: Partial<DeliveryOptions> = {},
): readonly PlannedDelivery[] {
  const options = deliveryOptions(given);
  const emissions = emissionsOf(history.steps, options.seed, EMISSION_DELAY_MS);
  const planned: PlannedDelivery[] = [...planWebhooks(emissions, options)];
  for (let number = 1; number <= options.feeds; number += 1) {
    const feed = `feed-${number}`;
    for (const delivery of planFeed(history, emissions, { options, feed })) planned.push(delivery);
  }
  return planned.sort(byArrival);
}

const DEFAULTS: DeliveryOptions = {
  seed: 1,
  webhookRepeatRate: 0.05,
  webhookDelayMs: { min: 5, max: 30_000 },
  webhookLossRate: 0,
  receiverSkewMs: 0,
  feeds: 1,
  reconnectRate: 0.01,
  offlineMs: { min: 100, max: 5_000 },
  snapshotRaceMs: 400,
};

function deliveryOptions(given: Partial<DeliveryOptions>): DeliveryOptions {
  const options = { ...DEFAULTS, ...given };
  if (Math.abs(options.receiverSkewMs) > 5_000) {
    throw new RangeError("receiverSkewMs is beyond 5 s, where nothing is promised any more");
  }
  return options;
}

/** The provider gives up after some attempts, and so do its repeats end. */
const COPIES_MAX = 6;
const SHARE_NEW_NOTIFICATION = 0.2;

/** Every webhook of the history that is not lost, once or several times, each after its delay. */
function planWebhooks(
  emissions: readonly Emission[],
  options: DeliveryOptions,
): readonly PlannedWebhook[] {
  const random = createRandom(options.seed, "webhooks");
  const skewNs = nsOfMs(options.receiverSkewMs);
  const planned: PlannedWebhook[] = [];
  for (const { sentNs, messages } of emissions) {
    for (const message of messages) {
      if (!("webhook" in message) || random.chance(options.webhookLossRate)) continue;
      const isNumbered = message.provider === "zerohash";
      let notificationId = isNumbered ? random.uuid() : null;
      const sentAtNs = sentNs + skewNs;
      for (let copies = 1; copies <= COPIES_MAX; copies += 1) {
        const arrivesAtNs = sentAtNs + nsOfMs(drawDelayMs(options.webhookDelayMs, random));
        planned.push(plannedWebhook({ arrivesAtNs, sentAtNs, notificationId, message }));
        if (!random.chance(options.webhookRepeatRate)) break;
        // A repeat has mostly, yet not surely, the notification id of the first.
        if (isNumbered && random.chance(SHARE_NEW_NOTIFICATION)) notificationId = random.uuid();
      }
    }
  }
  return planned;
}

/** From the least to the most over all magnitudes, most of them close to the least. */
function drawDelayMs({ min, max }: Range, random: Random): number {
  const least = Math.max(min, 0.001);
  const unit = random.uint32() / 0x1_0000_0000;
  return least * (Math.max(max, least) / least) ** (unit * unit * unit);
}

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
  const order = [...lanes].flatMap(([lane, list]) => list.map(() => lane));
  const positions = new Map<string, number>();
  return shuffled(order, random).map((lane) => {
    const position = positions.get(lane) ?? 0;
    positions.set(lane, position + 1);
    return lanes.get(lane)?.[position] as D;
  });
}
