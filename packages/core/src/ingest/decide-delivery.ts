import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import type { Reading } from "../translate/translation.ts";
import { decideFact } from "./decide-fact.ts";
import { cutAppends, type DeliveryCause, newEvent } from "./event.ts";
import { type KnownFacts, noteEvent } from "./fact-state.ts";

/** A delivery as the decision sees it: its `DeliveryReceived`, and what its bytes say. */
export type ReadDelivery = Readonly<{
  id: string;
  received: Omit<DataOf<"DeliveryReceived">, "parts">;
  correlationId: string | null;
  reading: Reading;
}>;

export type DeliveryDecision = Readonly<{
  outcome: "recorded" | "repeated" | "quarantined";
  /** The events, cut into appends; empty where nothing is to be appended. */
  appends: readonly (readonly NewEvent[])[];
}>;

/** The id of the event that completes a delivery: whether it is known tells whether it was left. */
export function completionId(deliveryId: string, hashing: Hashing): string {
  return eventId(["DeliveryCompleted", deliveryId], hashing);
}

/** Ids that a look-up must answer before `decideDelivery` can decide, beside those of the facts. */
export function deliveryIds(deliveryId: string, hashing: Hashing): readonly string[] {
  return [deliveryId, completionId(deliveryId, hashing)];
}

export function decideDelivery(
  delivery: ReadDelivery,
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id, reading } = delivery;
  if (known.ids.has(id)) {
    const parts = partsLeft(id, known, hashing);
    if (parts === null) return { outcome: "repeated", appends: [] };
    return complete(delivery, parts, known, hashing);
  }
  if (!reading.ok) return quarantine(delivery, reading, known, hashing);
  const appends = cutAppends(decideAll(delivery, reading, known, hashing));
  const parts = appends.length;
  const head = receivedEvents(delivery, parts, hashing);
  for (const event of head) noteEvent(known, event);
  appends[0]?.unshift(...head);
  addCompletion(appends, { delivery, parts, known, hashing });
  return { outcome: "recorded", appends };
}

/** How many parts a delivery has whose end is missing: whoever began it died, or is at it. */
export function partsLeft(deliveryId: string, known: KnownFacts, hashing: Hashing): number | null {
  const parts = known.states.get(deliveryId)?.data.parts;
  if (typeof parts !== "number") return null;
  return known.ids.has(completionId(deliveryId, hashing)) ? null : parts;
}

/** What is missing of a divided delivery, and its end. The reading is that of its own translation. */
function complete(
  delivery: ReadDelivery,
  parts: number,
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id, reading } = delivery;
  if (!reading.ok) throw new Error(`delivery ${id} was read before and cannot be read now`);
  const appends = cutAppends(decideAll(delivery, reading, known, hashing));
  addCompletion(appends, { delivery, parts, known, hashing });
  return { outcome: "recorded", appends };
}

function decideAll(
  delivery: ReadDelivery,
  reading: Reading & { ok: true },
  known: KnownFacts,
  hashing: Hashing,
): NewEvent[] {
  const cause = causeOf(delivery);
  return reading.facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
}

function receivedEvents(delivery: ReadDelivery, parts: number, hashing: Hashing): NewEvent[] {
  const { id, received } = delivery;
  const cause = causeOf(delivery);
  const subject = `delivery:${id}`;
  if (parts < 2)
    return [newEvent({ type: "DeliveryReceived", data: received }, { id, subject }, cause)];
  const divided = { id: eventId(["DeliveryDivided", id], hashing), subject };
  return [
    newEvent({ type: "DeliveryReceived", data: { ...received, parts } }, { id, subject }, cause),
    newEvent({ type: "DeliveryDivided", data: { delivery_id: id, parts } }, divided, cause),
  ];
}

const causeOf = ({ id, correlationId, received }: ReadDelivery): DeliveryCause => ({
  deliveryId: id,
  correlationId,
  receivedAt: received.received_at,
});

type Completion = Readonly<{
  delivery: ReadDelivery;
  parts: number;
  known: KnownFacts;
  hashing: Hashing;
}>;

function addCompletion(
  appends: readonly NewEvent[][],
  { delivery, parts, known, hashing }: Completion,
): void {
  const { reading, received } = delivery;
  const isSnapshot = reading.ok && reading.snapshot;
  if (parts < 2 && !isSnapshot) return;
  const place = isSnapshot ? received : {};
  const completion = completionEvent(place, parts, causeOf(delivery), hashing);
  noteEvent(known, completion);
  appends.at(-1)?.push(completion);
}

/** Ends a divided delivery and every snapshot; a snapshot's says where it was stated. */
export function completionEvent(
  { connection, frame }: Readonly<{ connection?: string | undefined; frame?: number | undefined }>,
  parts: number,
  cause: DeliveryCause,
  hashing: Hashing,
): NewEvent {
  const delivery_id = cause.deliveryId ?? "";
  const isPlaced = connection !== undefined && frame !== undefined;
  const data = { delivery_id, parts, ...(isPlaced ? { snapshot: { connection, frame } } : {}) };
  const envelope = { id: completionId(delivery_id, hashing), subject: `delivery:${delivery_id}` };
  return newEvent({ type: "DeliveryCompleted", data }, envelope, cause);
}

/** The id of the event that says that nobody could read the delivery. */
export function quarantinedId(deliveryId: string, hashing: Hashing): string {
  return eventId(["DeliveryQuarantined", deliveryId], hashing);
}

function quarantine(
  delivery: ReadDelivery,
  { reason, detail }: Reading & { ok: false },
  known: KnownFacts,
  hashing: Hashing,
): DeliveryDecision {
  const { id, received } = delivery;
  const { provider, channel, payload_type, received_at, translation } = received;
  const data = {
    delivery_id: id,
    provider,
    channel,
    payload_type,
    reason,
    detail,
    received_at,
    translation,
  };
  const envelope = { id: quarantinedId(id, hashing), subject: `delivery:${id}` };
  const events = [
    ...receivedEvents(delivery, 1, hashing),
    newEvent({ type: "DeliveryQuarantined", data }, envelope, causeOf(delivery)),
  ];
  for (const event of events) noteEvent(known, event);
  return { outcome: "quarantined", appends: [events] };
}
