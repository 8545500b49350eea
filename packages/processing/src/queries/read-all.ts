import type { FactType } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";

const PAGE = 500;

/** Every event of some types up to the present head, in order. */
export async function* readAll(
  stream: EventStream,
  types: readonly FactType[],
  after = 0,
): AsyncGenerator<RecordedEvent> {
  for await (const events of pagesOf(stream, types, after)) yield* events;
}

/** The same, as it is read. */
export async function* pagesOf(
  stream: EventStream,
  types: readonly FactType[],
  after = 0,
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let from = after; ; ) {
    const events = await stream.read({ after: from, limit: PAGE, types });
    yield events;
    const last = events.at(-1);
    if (last === undefined || isLastPage(events, PAGE)) return;
    from = last.position;
  }
}
