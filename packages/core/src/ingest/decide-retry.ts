import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import { readData } from "../stream/read-event.ts";
import type { Reading } from "../translate/translation.ts";
import { cutAppends } from "./cut-appends.ts";
import { completionEvent, completionId } from "./decide-delivery.ts";
import { decideFact } from "./decide-facts.ts";
import { newEvent } from "./event.ts";
import type { KnownFacts } from "./known-facts.ts";

/** One retry a delivery and translation. */
export function retryId(deliveryId: string, translation: number, hashing: Hashing): string {
  return eventId(["QuarantineRetried", deliveryId, String(translation)], hashing);
}

/** A quarantined delivery, read again. */
export type Retry = Readonly<{ received: RecordedEvent; reading: Reading; translation: number }>;

/** Ids that a look-up must answer before `decideRetry` can decide, beside those of the facts. */
export function retryIds(
  deliveryId: string,
  translation: number,
  hashing: Hashing,
): readonly string[] {
  return [retryId(deliveryId, translation, hashing), completionId(deliveryId, hashing)];
}

/**
 * What the delivery says where it can be read now, and that it was tried. That stands at the end: of
 * a delivery too large for one append, a retry that dies in the middle leaves it in quarantine, and
 * the next one records the rest.
 */
export function decideRetry(
  { received, reading, translation }: Retry,
  known: KnownFacts,
  hashing: Hashing,
): readonly NewEvent[] {
  const deliveryId = received.id;
  const data = readData(received) as DataOf<"DeliveryReceived">;
  const correlationId = received.correlation_id;
  const { received_at: receivedAt } = data;
  const cause = { deliveryId, correlationId, receivedAt, deliveredAt: received.position };
  const result = reading.ok
    ? ({ outcome: "resolved" } as const)
    : ({ outcome: "unreadable", reason: reading.reason, detail: reading.detail } as const);
  const retried = newEvent(
    { type: "QuarantineRetried", data: { delivery_id: deliveryId, translation, ...result } },
    { id: retryId(deliveryId, translation, hashing), subject: `delivery:${deliveryId}` },
    cause,
  );
  if (!reading.ok) return [retried];
  const facts = reading.facts.flatMap((fact) => decideFact(fact, known, cause, hashing));
  const parts = cutAppends(facts).length;
  const isComplete = !reading.snapshot || known.ids.has(completionId(deliveryId, hashing));
  const completion = isComplete ? [] : [completionEvent(data, parts, cause, hashing)];
  return [...facts, ...completion, retried];
}
