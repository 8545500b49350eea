import type { FactType } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Clock } from "./ports/clock.ts";
import { type EventStream, isLastPage } from "./ports/event-stream.ts";

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

const POLL_MS = 1000;

/** Resolves when the stream may have grown past a position: its hints may be lost, so not much later. */
export async function waitForMore(
  { stream, clock }: Readonly<{ stream: EventStream; clock: Clock }>,
  after: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const waits = [stream.waitForAppend(after, either), clock.sleep(POLL_MS, either)];
  try {
    await Promise.race(waits);
  } finally {
    // Leaves neither a waiter nor a sleeper behind.
    over.abort();
    await Promise.allSettled(waits);
  }
}
