import type { PlannedDelivery, PlannedWebhook } from "../delivery/planned-delivery.ts";
import type { History, HistoryMessage, HistoryStep } from "../history/history.ts";
import type { OutgoingHook } from "../play-deliveries.ts";
import { createRandom, type Random, shuffled } from "../random.ts";

export function isWebhook(delivery: PlannedDelivery): delivery is PlannedWebhook {
  return delivery.kind === "webhook";
}

/** The messages that arrive with any delivery. */
export function arrivedMessages(
  deliveries: Iterable<PlannedDelivery>,
): ReadonlySet<HistoryMessage> {
  const arrived = new Set<HistoryMessage>();
  for (const delivery of deliveries) {
    const isMessage = delivery.kind === "webhook" || delivery.kind === "feed-frame";
    if (isMessage && delivery.message !== null) arrived.add(delivery.message);
  }
  return arrived;
}

type LostMessage = Readonly<{ step: HistoryStep; message: HistoryMessage }>;

/**
 * The messages that arrive on no channel. A snapshot may still list the balance that one of them
 * stated, but not its movements.
 */
export function lostMessages(
  history: History,
  deliveries: Iterable<PlannedDelivery>,
): readonly LostMessage[] {
  const arrived = arrivedMessages(deliveries);
  return history.steps.flatMap((step) =>
    step.messages.flatMap((message) => (arrived.has(message) ? [] : [{ step, message }])),
  );
}

/**
 * Another order of the webhooks only. Each stays on its side of every opening of a connection:
 * what is recorded before an opening is certainly in that connection's snapshot.
 */
export function shuffleBetweenOpenings<D extends Readonly<{ kind: string }>>(
  deliveries: readonly D[],
  seed: number | string,
): readonly D[] {
  const random = createRandom(seed, "shuffle between openings");
  const stretches: D[][] = [[]];
  for (const delivery of deliveries) {
    if (delivery.kind === "feed-opened") stretches.push([]);
    stretches.at(-1)?.push(delivery);
  }
  return stretches.flatMap((stretch) => shuffleWebhooks(stretch, random));
}

function shuffleWebhooks<D extends Readonly<{ kind: string }>>(
  stretch: readonly D[],
  random: Random,
): readonly D[] {
  // An opening stays at the start of its stretch.
  const opening = stretch[0]?.kind === "feed-opened" ? stretch.slice(0, 1) : [];
  const rest = stretch.slice(opening.length);
  const isHook = ({ kind }: D) => kind === "webhook";
  const hooks = shuffled(rest.filter(isHook), random);
  const frames = rest.filter((delivery) => !isHook(delivery));
  const order = shuffled(rest.map(isHook), random);
  return [...opening, ...order.flatMap((hook) => (hook ? hooks : frames).shift() ?? [])];
}

/** Every webhook of a history in its true order; frames of the feed need a plan. */
export function* webhookDeliveries(
  steps: Iterable<HistoryStep>,
  seed: number | string = 1,
): Generator<OutgoingHook> {
  const random = createRandom(seed, "notifications");
  for (const { messages } of steps) {
    for (const { provider, webhook } of messages) {
      if (webhook === undefined) continue;
      const notificationId = provider === "zerohash" ? random.uuid() : null;
      yield { kind: "webhook", provider, ...webhook, notificationId };
    }
  }
}
