import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { appendParts } from "./append-parts.ts";
import type { EventStream, KnownEvents } from "./ports/event-stream.ts";

/**
 * Looks facts up, decides by what is known of them, and appends what follows; all of it again where
 * another writer came in between.
 *
 * @returns what was decided last and is on the stream; none where there was nothing to append
 */
export async function appendDecided(
  stream: EventStream,
  ids: readonly string[],
  decide: (known: KnownEvents["known"]) => readonly NewEvent[],
): Promise<readonly NewEvent[]> {
  for (;;) {
    const { head, known } = await stream.findByIds(ids);
    const events = decide(known);
    const isDone =
      events.length === 0 || (await appendParts(stream, head.position, events)) === "appended";
    if (isDone) return events;
  }
}
