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

/**
 * The last events of some types before a position, the latest first. A stream is read forward, so it
 * is looked through backward in spans: wider where few are found, narrower where more lie in one
 * than were read. Positions have no holes, so that in a narrow one there cannot be.
 */
export async function readBefore(
  stream: EventStream,
  types: readonly FactType[],
  { before, limit }: Readonly<{ before: number; limit: number }>,
): Promise<readonly RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for (let [end, span] = [before, limit]; end > 1 && found.length < limit; ) {
    const after = Math.max(0, end - 1 - span);
    const most = Math.min(PAGE, end - 1 - after);
    const events = await stream.read({ after, limit: most, types });
    const last = events.at(-1)?.position ?? end;
    if (!isLastPage(events, most) && last < end - 1) {
      span = last - after;
      continue;
    }
    found.push(...events.filter(({ position }) => position < end).reverse());
    [end, span] = [after + 1, 2 * span];
  }
  return found.slice(0, limit);
}
