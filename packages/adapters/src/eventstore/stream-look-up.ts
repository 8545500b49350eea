import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { KnownEvent, KnownEvents } from "@counterfoil/processing/ports/event-stream";
import { catchUpIndex } from "./index-catch-up.ts";
import type { StreamParts } from "./stream-parts.ts";

/** What is known of these ids as of the head, by the index; the events come from the stream. */
export async function findEvents(parts: StreamParts, ids: readonly string[]): Promise<KnownEvents> {
  const { index, reader, recent } = parts;
  const askedAt = performance.now();
  const head = recent.note(await catchUpIndex(parts), askedAt);
  const found = await index.find([...new Set(ids)], head.position);
  const positions = [...found.values()].flatMap(({ position, amendments }) => [
    position,
    ...amendments,
  ]);
  const events = new Map((await reader.at(positions)).map((event) => [event.position, event]));
  const eventAt = (position: number) => events.get(position) as RecordedEvent;
  const known = [...found].map(([id, { position, amendments }]): [string, KnownEvent] => [
    id,
    { event: eventAt(position), amendments: amendments.map(eventAt) },
  ]);
  return { head, known: new Map(known) };
}
