import { createRandom, type Random } from "../random.ts";
import { nsOfMs } from "../time.ts";
import type { DeliveryOptions, Range } from "./delivery-options.ts";
import type { Emission } from "./emissions.ts";
import { type PlannedWebhook, plannedWebhook } from "./planned-delivery.ts";

/** The provider gives up after some attempts, and so do its repeats end. */
const COPIES_MAX = 6;
const SHARE_NEW_NOTIFICATION = 0.2;

/** Every webhook of the history that is not lost, once or several times, each after its delay. */
export function planWebhooks(
  emissions: readonly Emission[],
  options: DeliveryOptions,
): readonly PlannedWebhook[] {
  const random = createRandom(options.seed, "webhooks");
  const skewNs = nsOfMs(options.receiverSkewMs);
  const planned: PlannedWebhook[] = [];
  for (const { atNs, messages } of emissions) {
    for (const message of messages) {
      if (!("webhook" in message) || random.chance(options.webhookLossRate)) continue;
      const isNumbered = message.provider === "zerohash";
      let notificationId = isNumbered ? random.uuid() : null;
      const sentAtNs = atNs + skewNs;
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
