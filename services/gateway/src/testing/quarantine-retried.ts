import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";

type Outcome = Omit<DataOf<"QuarantineRetried">, "delivery_id" | "translation">;

/** The event of a retry of a quarantined delivery. */
export function quarantineRetried(deliveryId: string, outcome: Outcome): NewEvent {
  const data = { delivery_id: deliveryId, translation: 2, ...outcome };
  const id = eventId(["QuarantineRetried", deliveryId, "2"], nodeHashing);
  return newEvent(
    { type: "QuarantineRetried", data },
    { id, subject: `delivery:${deliveryId}` },
    { deliveryId, correlationId: null },
  );
}
