import { type PlannedWebhook, plannedWebhook } from "../delivery/planned-delivery.ts";
import type { HistoryMessage } from "../history/history.ts";
import type { Random } from "../random.ts";
import { nsOfMs } from "../time.ts";
import type { HardEmission } from "./hard-feed.ts";
import type { HardKnobs } from "./hard-knobs.ts";

const HOURS_MS = 3_600_000;

/** Every webhook that is not lost, once or twice, some of them hours late. */
export function* planHardWebhooks(
  emissions: readonly HardEmission[],
  { knobs, random }: Readonly<{ knobs: HardKnobs; random: Random }>,
): Generator<PlannedWebhook> {
  const lost = drawLostSteps(emissions.length, knobs, random);
  for (const [step, { sentNs, messages }] of emissions.entries()) {
    for (const message of messages) {
      if (lost.has(step) || random.chance(knobs.webhookLossRate)) continue;
      const notificationId = random.uuid();
      yield webhookOf({ message, sentNs, notificationId }, knobs, random);
      if (!random.chance(knobs.repeatRate)) continue;
      const repeatId = random.chance(0.8) ? notificationId : random.uuid();
      yield webhookOf({ message, sentNs, notificationId: repeatId }, knobs, random);
    }
  }
}

function webhookOf(
  what: Readonly<{ message: HistoryMessage; sentNs: bigint; notificationId: string }>,
  knobs: HardKnobs,
  random: Random,
): PlannedWebhook {
  const isLate = random.chance(knobs.lateRate);
  const delayMs = isLate ? random.between(60_000, 6 * HOURS_MS) : random.between(2, 200);
  const sentAtNs = what.sentNs + nsOfMs(knobs.receiverSkewMs);
  const { message, notificationId } = what;
  return plannedWebhook({
    arrivesAtNs: sentAtNs + nsOfMs(delayMs),
    sentAtNs,
    notificationId,
    message,
  });
}

/** Stretches of runs, as when a receiver was away for longer than the provider tries. */
function drawLostSteps(count: number, knobs: HardKnobs, random: Random): ReadonlySet<number> {
  const lost = new Set<number>();
  const lose = (first: number, length: number) => {
    for (let step = first; step < first + length; step += 1) lost.add(step);
  };
  for (let burst = 0; burst < knobs.lossBursts; burst += 1) {
    lose(random.below(count), random.between(2, 6));
  }
  if (knobs.losesEnd) {
    const length = random.between(1, 3);
    lose(count - length, length);
  }
  return lost;
}
