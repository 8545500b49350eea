import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import type { EventStream } from "../ports/event-stream.ts";

/** How far a reader of the stream is behind it. */
export type Lag = Readonly<{
  events: number;
  /** How long the oldest event has waited that was not read; 0 where none waits. */
  seconds: number;
}>;

/** @param position up to which the stream was read */
export async function lagBehind(
  stream: Pick<EventStream, "head" | "read">,
  position: number,
  now: Nanos,
): Promise<Lag> {
  const events = Math.max(0, (await stream.head()).position - position);
  if (events === 0) return { events, seconds: 0 };
  const [next] = await stream.read({ after: position, limit: 1 });
  return { events, seconds: next === undefined ? 0 : secondsSince(next.recorded_at, now) };
}

/** To the millisecond; never below zero, whatever a clock said. */
export function secondsSince(time: Nanos, now: Nanos): number {
  return now > time ? Number((now - time) / (SECOND / 1000n)) / 1000 : 0;
}
