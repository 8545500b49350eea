import type { DataOf } from "@counterfoil/contracts/fact";
import type { EventRecord } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { EventStream } from "../ports/event-stream.ts";
import { eventRecord } from "./events.ts";
import { readAll } from "./read-all.ts";

export type DeliveryRecord = Readonly<{
  delivery_id: string;
  received: EventRecord;
  facts: EventRecord[];
}>;

/** A delivery with everything that it caused to be recorded; null where it is not on the stream. */
export async function findDelivery(
  stream: EventStream,
  id: string,
): Promise<DeliveryRecord | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  const caused = new Map<number, RecordedEvent>();
  for await (const event of causedBy(stream, received)) caused.set(event.position, event);
  caused.delete(received.position);
  const facts = [...caused.values()].sort((a, b) => a.position - b.position).map(eventRecord);
  return { delivery_id: id, received: eventRecord(received), facts };
}

/** The exact bytes of a delivery: what `sha256` names is gone where they are null. */
export async function findBody(
  stream: EventStream,
  id: string,
): Promise<Readonly<{ sha256: string; bytes: Uint8Array | null }> | null> {
  const received = await findReceived(stream, id);
  if (received === null) return null;
  const { sha256 } = JSON.parse(received.data) as DataOf<"DeliveryReceived">;
  return { sha256, bytes: await stream.body(sha256) };
}

/** A delivery's id is that of its first event. */
async function findReceived(stream: EventStream, id: string): Promise<RecordedEvent | null> {
  const event = (await stream.lookUp([id])).known.get(id)?.event;
  return event?.type === "DeliveryReceived" ? event : null;
}

/**
 * No index leads from a delivery to its facts, but they lie beside an event that is known: behind
 * `DeliveryReceived`, up to `DeliveryCompleted` where it was divided, and behind each retry of a
 * delivery that was quarantined. What a later translation corrected lies elsewhere.
 */
async function* causedBy(
  stream: EventStream,
  received: RecordedEvent,
): AsyncGenerator<RecordedEvent> {
  const { parts = 1 } = JSON.parse(received.data) as DataOf<"DeliveryReceived">;
  let wasQuarantined = false;
  for await (const event of following(stream, received, parts > 1)) {
    wasQuarantined ||= event.type === "DeliveryQuarantined";
    yield event;
  }
  if (!wasQuarantined) return;
  for await (const retry of readAll(stream, ["QuarantineRetried"], received.position)) {
    if (retry.causation_id !== received.id) continue;
    yield retry;
    yield* following(stream, { id: received.id, position: retry.position }, false);
  }
}

const PAGE = 200;
/** How far the parts of a divided delivery may lie apart, other deliveries between them. */
const SEARCHED_MAX = 100_000;

async function* following(
  stream: EventStream,
  { id, position }: Pick<RecordedEvent, "id" | "position">,
  isDivided: boolean,
): AsyncGenerator<RecordedEvent> {
  for (let after = position; after < position + SEARCHED_MAX; ) {
    const events = await stream.read({ after, limit: PAGE });
    for (const event of events) {
      const isCaused = event.causation_id === id;
      if (isCaused) yield event;
      const isEnd = isDivided ? isCaused && event.type === "DeliveryCompleted" : !isCaused;
      if (isEnd) return;
    }
    if (events.length < PAGE) return;
    after += PAGE;
  }
}
