import type { DataOf } from "@counterfoil/contracts/fact";
import type { Hashing } from "../hashing.ts";
import { deliveryId, eventId } from "../identity.ts";
import type { Reading } from "../translate/translation.ts";
import type { KnownFacts } from "./fact-state.ts";

/** The id of the event that says that nobody could read the delivery. */
export function quarantinedId(deliveryId: string, hashing: Hashing): string {
  return eventId(["DeliveryQuarantined", deliveryId], hashing);
}

/** One retry a delivery and translation. */
export function retryId(deliveryId: string, translation: number, hashing: Hashing): string {
  return eventId(["QuarantineRetried", deliveryId, String(translation)], hashing);
}

/** One dismissal for each number of attempts: what is tried once more, and fails, is open again. */
export function dismissalId(deliveryId: string, attempts: number, hashing: Hashing): string {
  return eventId(["QuarantineDismissed", deliveryId, String(attempts)], hashing);
}

/** A newer program beside this one may have tried so many translations that this one does not know. */
const UNKNOWN_TRANSLATIONS_MAX = 3;

/** Of every translation that may have been tried. */
export function retryIdsOf(
  deliveryId: string,
  present: number,
  hashing: Hashing,
): readonly string[] {
  const count = present + UNKNOWN_TRANSLATIONS_MAX;
  return Array.from({ length: count }, (_, at) => retryId(deliveryId, at + 1, hashing));
}

/**
 * One body, one type: once facts of a body were taken under one payload type, the same bytes under
 * another state nothing. The stream arbitrates, without an event for it: the delivery ids of the same
 * bytes under other types follow from the bytes, and are looked up with the delivery.
 */
export type OtherDelivery = Readonly<{
  id: string;
  payloadType: string;
  /** Of the events that say whether it is in quarantine still: then it binds nothing. */
  quarantined: string;
  retries: readonly string[];
}>;

/** The same bytes as those received, under each other type that they could be of. */
export function otherDeliveries(
  received: Omit<DataOf<"DeliveryReceived">, "parts">,
  { otherTypes = [] }: Reading,
  hashing: Hashing,
): readonly OtherDelivery[] {
  const { provider, channel, sha256, notification_id, translation } = received;
  if (channel === "feed") return [];
  // A body without a time of its own is known by its notification too.
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

/** Ids that a look-up must answer before a conflict can be seen. */
export const otherIds = (others: readonly OtherDelivery[]): readonly string[] =>
  others.flatMap(({ id, quarantined, retries }) => [id, quarantined, ...retries]);

type Unread = Reading & { ok: false } & Readonly<{
    takenBy?: DataOf<"DeliveryQuarantined">["taken_by"];
  }>;

/** Why, as the events have it. */
export const unreadOf = ({ reason, detail, takenBy }: Unread) => ({
  reason,
  detail,
  ...(takenBy === undefined ? {} : { taken_by: takenBy }),
});

/** What is in the delivery as the stream has it: nothing where the bytes were taken as another type. */
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
