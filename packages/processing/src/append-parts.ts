import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { cutAppends } from "@counterfoil/core/ingest/event";
import type { AppendResult, EventStream } from "./ports/event-stream.ts";

/**
 * Appends events after a position, in as many appends as their size asks for.
 *
 * @returns `conflict` where another writer came in between: what is on the stream by then stays, and
 * the rest is to be decided again.
 */
export async function appendParts(
  stream: EventStream,
  after: number,
  events: readonly NewEvent[],
): Promise<AppendResult["outcome"]> {
  let position = after;
  for (const part of cutAppends(events)) {
    const result = await stream.append(position, part);
    if (result.outcome === "conflict") return "conflict";
    position = result.head.position;
  }
  return "appended";
}
