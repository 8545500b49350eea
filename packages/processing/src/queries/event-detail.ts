import type { DeliverySummary, EventDetail } from "@counterfoil/contracts/provenance";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { type EventStream, type KnownEvent, takePage } from "../ports/event-stream.ts";
import { type DeliveryQuery, partOfDelivery } from "./deliveries.ts";
import { summariesOf, summaryFor } from "./delivery-summaries.ts";
import { eventFor } from "./event-standing.ts";
import { eventRecord } from "./events.ts";
import { LIST_BYTES_MAX } from "./page.ts";

/**
 * One event with its amendments and its delivery.
 *
 * @param id its id, or its position in decimal digits
 * @returns null where there is none, or it is not the platform's who asks
 */
export async function findEvent(
  stream: EventStream,
  id: string,
  query: DeliveryQuery,
): Promise<EventDetail | null> {
  const found = await findKnown(stream, id);
  if (found === null) return null;
  const { event } = found;
  const { standings } = query;
  const amendments = takePage(found.amendments, LIST_BYTES_MAX).map(eventRecord);
  if (standings === null) {
    const delivery = await deliveryOf(stream, event, query);
    return { ...eventRecord(event), amendments, delivery };
  }
  const [standing] = await standings.ofEvents(stream, [event]);
  if (standing !== "inside") return null;
  const { platform } = standings;
  return {
    ...eventFor(eventRecord(event), platform),
    amendments: amendments.map((each) => eventFor(each, platform)),
    delivery: await deliveryOf(stream, event, query),
  };
}

const POSITION = /^\d{1,15}$/;

async function findKnown(stream: EventStream, id: string): Promise<KnownEvent | null> {
  const eventId = POSITION.test(id) ? await idAt(stream, Number(id)) : id;
  if (eventId === null) return null;
  return (await stream.findByIds([eventId])).known.get(eventId) ?? null;
}

async function idAt(stream: EventStream, position: number): Promise<string | null> {
  if (position === 0) return null;
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  return event?.id ?? null;
}

/** The delivery that brought it, or that it is. */
async function deliveryOf(
  stream: EventStream,
  event: RecordedEvent,
  query: DeliveryQuery,
): Promise<DeliverySummary | null> {
  const received = await receivedOf(stream, event);
  if (received === null) return null;
  const whole = await partOfDelivery(stream, received, query);
  const [summary] = await summariesOf(stream, [received], query);
  return summary === undefined || whole === "outside" ? null : summaryFor(summary, whole);
}

async function receivedOf(
  stream: EventStream,
  event: RecordedEvent,
): Promise<RecordedEvent | null> {
  if (event.type === "DeliveryReceived") return event;
  const { causation_id: id } = event;
  if (id === null) return null;
  const cause = (await stream.findByIds([id])).known.get(id)?.event;
  return cause?.type === "DeliveryReceived" ? cause : null;
}
