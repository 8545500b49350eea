import type { Nanos } from "@counterfoil/core/exact/time";
import { lastLateArrivalBy } from "../models/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";

/**
 * The last position recorded by a time; 0 if there is none. Recording times never decrease along
 * the stream and its positions have no gaps, so a binary search finds it without an index.
 */
export async function lastPositionBy(stream: EventStream, time: Nanos): Promise<number> {
  const head = await stream.head();
  if (head.recordedAt <= time) return head.position;
  let [known, beyond] = [0, head.position];
  while (beyond - known > 1) {
    const middle = Math.floor((known + beyond) / 2);
    const [event] = await stream.read({ after: middle - 1, limit: 1 });
    if (event !== undefined && event.recorded_at <= time) known = middle;
    else beyond = middle;
  }
  return known;
}

type ArrivalSources = Readonly<{
  stream: EventStream;
  clock: Clock;
  models: Readonly<{
    info(model: "balances"): Promise<Readonly<{ modelVersion: number }> | null>;
  }>;
}>;

/** The first version of the balances model that stores facts recorded long after their arrival. */
const LATE_ARRIVALS_SINCE = 5;

/**
 * Facts whose recording time is later than their arrival, because a clock had run ahead before.
 * They count by their arrival.
 *
 * @returns `read`, which reads the last position that had arrived by the time from rows of the
 *   balances at `minPosition` or later; null if no version that stores late arrivals is served
 */
export async function lateArrivals(
  { stream, models, clock }: ArrivalSources,
  time: Nanos,
): Promise<Readonly<{ minPosition: number; read: (rows: Rows) => Promise<number> }> | null> {
  const served = await models.info("balances");
  if (served === null || served.modelVersion < LATE_ARRIVALS_SINCE) return null;
  const head = await stream.head();
  const minPosition = head.recordedAt > clock.now() ? head.position : 0;
  return { minPosition, read: (rows) => lastLateArrivalBy(rows, time) };
}
