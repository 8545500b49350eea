import type { Clock } from "./ports/clock.ts";
import type { EventStream } from "./ports/event-stream.ts";

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
