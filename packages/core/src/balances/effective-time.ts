import { agreedTime, type Nanos, SECOND, timeOf } from "../exact/time.ts";
import { type FactState, firstArrivalOf, notBeforeOf, timesOf } from "../ingest/fact-state.ts";

/** A printed time further than this after its own arrival, or moved further, shows a wrong clock. */
export const CLOCK_LIMIT: Nanos = 60n * SECOND;

/** Neither provider existed before: an earlier time is a zero, or a number of another unit. */
const EARLIEST: Nanos = timeOf("1971-01-01T00:00:00Z");

/** What a fact says of when it happened. */
export type StatedTime = Readonly<{
  /** null where it gives no time that can be. */
  at: Nanos | null;
  /** A printed time that cannot be: 0, before 1971, or long after its own arrival; null where none is. */
  impossibleAt: Nanos | null;
}>;

export function statedTime(state: FactState): StatedTime {
  const printed = timesOf(state);
  if (printed.length === 0) return NO_TIME;
  const latest = firstArrivalOf(state) + CLOCK_LIMIT;
  const isPossible = (time: Nanos) => time >= EARLIEST && time <= latest;
  if (printed.every(isPossible)) return { at: agreedTime(printed), impossibleAt: null };
  return {
    at: agreedTime(printed.filter(isPossible)),
    impossibleAt: agreedTime(printed.filter((time) => !isPossible(time))),
  };
}

const NO_TIME: StatedTime = { at: null, impossibleAt: null };

/** What the facts of one run on one account say of when it took effect. */
export type RunTimes = Readonly<{
  /** The latest time of a movement; null where none gives one. */
  movementAt: Nanos | null;
  /** The run's own time. */
  runAt: Nanos | null;
  /** When the first of its facts reached us. */
  arrivedAt: Nanos;
  /** What the order of a socket demands. */
  notBefore: Nanos | null;
}>;

export type EffectiveTime = Readonly<{
  at: Nanos;
  /** The time before a socket's order moved it. */
  ownAt: Nanos;
  /** Nobody dated it: it has the time of its arrival, which is no clock of the provider's. */
  isUndated: boolean;
}>;

/**
 * When a run took effect on an account: its latest movement, else the run itself, else its arrival;
 * but never before what the feed stated earlier on the same socket.
 */
export function effectiveTime({
  movementAt,
  runAt,
  arrivedAt,
  notBefore,
}: RunTimes): EffectiveTime {
  const ownAt = movementAt ?? runAt ?? arrivedAt;
  const isMoved = notBefore !== null && notBefore > ownAt;
  return {
    at: isMoved ? notBefore : ownAt,
    ownAt,
    isUndated: movementAt === null && runAt === null && !isMoved,
  };
}

/** The same from the facts themselves, where all of them are at hand. */
export function effectiveTimeOf(
  report: FactState | null,
  movements: readonly FactState[],
): EffectiveTime {
  let movementAt: Nanos | null = null;
  let arrivedAt: Nanos | null = report === null ? null : firstArrivalOf(report);
  for (const movement of movements) {
    const { at } = statedTime(movement);
    if (at !== null && (movementAt === null || at > movementAt)) movementAt = at;
    const arrival = firstArrivalOf(movement);
    if (arrivedAt === null || arrival < arrivedAt) arrivedAt = arrival;
  }
  return effectiveTime({
    movementAt,
    runAt: report === null ? null : statedTime(report).at,
    arrivedAt: arrivedAt ?? 0n,
    notBefore: report === null ? null : notBeforeOf(report),
  });
}
