import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";

/** Something of a batch: at which position it happened, and how much of a transaction it takes. */
export type Piece = Readonly<{ position: number; bytes: number }>;

/**
 * Where a batch ends so that it is not larger than a number of bytes: at a whole position, and after
 * one at least, however large that is.
 *
 * @param pieces in any order.
 */
export function endWithin(pieces: Iterable<Piece>, upTo: number, bytesMax: number): number {
  const byPosition = new Map<number, number>();
  for (const { position, bytes } of pieces) {
    byPosition.set(position, (byPosition.get(position) ?? 0) + bytes);
  }
  let sum = 0;
  let end: number | null = null;
  for (const [position, bytes] of [...byPosition].sort(([a], [b]) => a - b)) {
    sum += bytes;
    if (end !== null && sum > bytesMax) return position - 1;
    end = position;
  }
  return upTo;
}

/**
 * Where a batch ends so that it does not cut a delivery in two, if it can: between a delivery's facts
 * there are anomalies that are none.
 *
 * @param events those of the batch and, where there is one, the event after it.
 */
export function endOfDelivery(events: readonly RecordedEvent[], upTo: number): number {
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const event = events[at];
    if (event === undefined || event.position > upTo) continue;
    const next = events[at + 1];
    if (next === undefined || deliveryOf(next) !== deliveryOf(event)) return event.position;
  }
  return upTo;
}

/** The id of the delivery that an event belongs to; its own where it belongs to none. */
const deliveryOf = ({ type, id, causation_id }: RecordedEvent): string =>
  type === "DeliveryReceived" ? id : (causation_id ?? id);
