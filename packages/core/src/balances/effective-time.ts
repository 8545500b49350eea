import { agreedTime, type Nanos, SECOND, timeOf } from "../exact/time.ts";
import { type FactState, firstArrivalOf, notBeforeOf, timesOf } from "../ingest/fact-state.ts";

/** A printed time later than this after its own arrival, or moved by more, shows a wrong clock. */
export const CLOCK_LIMIT: Nanos = 60n * SECOND;

/** Neither provider existed before: an earlier time is a zero, or a number in another unit. */
const EARLIEST: Nanos = timeOf("1971-01-01T00:00:00Z");

/** The time that a fact states for itself. */
export type StatedTime = Readonly<{
  /** null if it gives no possible time. */
  at: Nanos | null;
  /**
   * An impossible printed time: 0, before 1971, or long after its own arrival; null if there is
   * none.
   */
  impossibleAt: Nanos | null;
}>;

/** The time that the copies of a report print, as far as it is possible. */
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

/** The times that decide when one run took effect on one account. */
type RunTimes = Readonly<{
  /** The latest time of a movement; null if none has one. */
  movementAt: Nanos | null;
  /** The run's own time. */
  runAt: Nanos | null;
  /** The earliest arrival of its facts. */
  arrivedAt: Nanos;
  /** The earliest time that the order of its socket allows; null if it sets none. */
  notBefore: Nanos | null;
}>;

export type EffectiveTime = Readonly<{
  at: Nanos;
  /** The time before the order of its socket moved it. */
  ownAt: Nanos;
  /**
   * It has the time of its arrival, which is not the provider's clock, since the provider gave
   * none.
   */
  isUndated: boolean;
}>;

/**
 * The effective time of a run on an account: that of its latest movement, else its own, else its
 * arrival; but never before what the feed reported earlier on the same socket.
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

/** Computes the effective time from the facts themselves, if all of them are loaded. */
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
