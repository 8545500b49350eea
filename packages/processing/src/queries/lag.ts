import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import type { EventStream } from "../ports/event-stream.ts";

/** How far a reader of the stream is behind its head. */
export type Lag = Readonly<{
  events: number;
  /** Age of the oldest unread event; 0 if there is none. */
  seconds: number;
}>;

/** @param position up to which the stream has been read */
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

/** The seconds since a time, to the millisecond; 0 if the clock is behind it. */
export function secondsSince(time: Nanos, now: Nanos): number {
  return now > time ? Number((now - time) / (SECOND / 1000n)) / 1000 : 0;
}
