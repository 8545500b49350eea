import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import type { Reading } from "../translate/translation.ts";
import { completionEvent } from "./decide-delivery.ts";
import { decideFact } from "./decide-facts.ts";
import { newEvent } from "./event.ts";
import type { KnownFacts } from "./known-facts.ts";

/** One retry a delivery and translation. */
export function retryId(deliveryId: string, translation: number, hashing: Hashing): string {
  return eventId(["QuarantineRetried", deliveryId, String(translation)], hashing);
}

/** A quarantined delivery, read again. */
export type Retry = Readonly<{ received: RecordedEvent; reading: Reading; translation: number }>;

/** That it was tried, and where it could be read now, what it says. */
export function decideRetry(
  { received, reading, translation }: Retry,
  known: KnownFacts,
  hashing: Hashing,
): readonly NewEvent[] {
  const deliveryId = received.id;
  const data = JSON.parse(received.data) as DataOf<"DeliveryReceived">;
  const correlationId = received.correlation_id;
  const cause = { deliveryId, correlationId, receivedAt: data.received_at };
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
  const completion = reading.snapshot ? [completionEvent(data, 1, cause, hashing)] : [];
  return [retried, ...facts, ...completion];
}
