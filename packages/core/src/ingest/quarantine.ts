import type { DataOf } from "@counterfoil/contracts/fact";
import type { Hashing } from "../hashing.ts";
import { deliveryId, eventId } from "../identity.ts";
import type { Reading } from "../translate/translation.ts";
import type { KnownFacts } from "./fact-state.ts";

/** The id of the event that quarantines a delivery. */
export function quarantinedId(deliveryId: string, hashing: Hashing): string {
  return eventId(["DeliveryQuarantined", deliveryId], hashing);
}

/** The id of a retry: one per delivery and translation. */
export function retryId(deliveryId: string, translation: number, hashing: Hashing): string {
  return eventId(["QuarantineRetried", deliveryId, String(translation)], hashing);
}

/**
 * The id of a dismissal: one per number of attempts, since another failed attempt opens it again.
 */
export function dismissalId(deliveryId: string, attempts: number, hashing: Hashing): string {
  return eventId(["QuarantineDismissed", deliveryId, String(attempts)], hashing);
}

/**
 * How many translations a newer program beside this one may have tried that this one does not know.
 */
const UNKNOWN_TRANSLATIONS_MAX = 3;

/** The ids of the retries with every translation that may have been tried. */
export function retryIdsOf(
  deliveryId: string,
  present: number,
  hashing: Hashing,
): readonly string[] {
  const count = present + UNKNOWN_TRANSLATIONS_MAX;
  return Array.from({ length: count }, (_, index) => retryId(deliveryId, index + 1, hashing));
}

/**
 * A body has one type: once it was recorded under one payload type, the same bytes under another type
 * are quarantined. This needs no event of its own: the delivery ids of the same bytes under other
 * types can be computed from the bytes, and are looked up with the delivery.
 */
export type OtherDelivery = Readonly<{
  id: string;
  payloadType: string;
  /** The ids of the events that show whether it is still in quarantine; then it takes no bytes. */
  quarantined: string;
  retries: readonly string[];
}>;

/** The possible deliveries of the received bytes under each other type that they could have. */
export function otherDeliveries(
  received: Omit<DataOf<"DeliveryReceived">, "parts">,
  { otherTypes = [] }: Reading,
  hashing: Hashing,
): readonly OtherDelivery[] {
  const { provider, channel, sha256, notification_id, translation } = received;
  if (channel === "feed") return [];
  // A body without a time of its own is also identified by its notification.
  const notifications = notification_id === undefined ? [null] : [null, notification_id];
  return otherTypes.flatMap((payloadType) =>
    notifications.map((notificationId) => {
      const body = { channel, provider, payloadType, sha256, notificationId };
      const id = deliveryId(body, hashing);
      const retries = retryIdsOf(id, translation, hashing);
      return { id, payloadType, quarantined: quarantinedId(id, hashing), retries };
    }),
  );
}

/** The ids that must be looked up to detect a conflict. */
export const otherIds = (others: readonly OtherDelivery[]): readonly string[] =>
  others.flatMap(({ id, quarantined, retries }) => [id, quarantined, ...retries]);

type Unread = Reading & { ok: false } & Readonly<{
    takenBy?: DataOf<"DeliveryQuarantined">["taken_by"];
  }>;

/** The reason as events store it. */
export const unreadOf = ({ reason, detail, takenBy }: Unread) => ({
  reason,
  detail,
  ...(takenBy === undefined ? {} : { taken_by: takenBy }),
});

/** The reading of a delivery, or a conflict where its bytes were recorded as another type. */
export function readingBeside(
  others: readonly OtherDelivery[],
  reading: Reading,
  known: KnownFacts,
): (Reading & { ok: true }) | Unread {
  const taken = others.find((other) => isTaken(other, known));
  if (taken === undefined) return reading;
  const { id, payloadType } = taken;
  return {
    ok: false,
    reason: "type_conflict",
    detail: `the same bytes were taken as ${payloadType}, by delivery ${id}: no signature covers the type`,
    takenBy: { delivery_id: id, payload_type: payloadType },
  };
}

function isTaken({ id, quarantined, retries }: OtherDelivery, { ids, states }: KnownFacts) {
  if (!ids.has(id)) return false;
  return (
    !ids.has(quarantined) || retries.some((retry) => states.get(retry)?.data.outcome === "resolved")
  );
}
