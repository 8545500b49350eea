import type { ModelName } from "@counterfoil/contracts/fact";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { lastLateArrivalBy } from "../models/balances/late-arrivals.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";

/**
 * The last position that was recorded by a time; 0 where none was. Times of recording never fall
 * along the stream and its positions have no holes, so halving finds it without an index.
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

/** From this version on the balances' rows say which facts arrived long before they were recorded. */
const LATE_ARRIVALS_SINCE = 5;

/**
 * Where a clock ran ahead for a while, what came after that was recorded too late, and its arrival
 * counts.
 *
 * @returns how the last position of what had arrived by a time is read from the rows of the
 *   balances, and which position they must have reached; null where all was recorded as it came
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

/** How much later than a model somebody who waits for it may learn where it is. */
const ROUND_MS = 5;

/**
 * Waits for models to reach positions. A fold tells nobody when it commits, in another process it
 * could not; so one question a round is asked of each model, however many wait for it.
 */
export function createPositionWait(
  positionOf: (model: ModelName) => Promise<number>,
  clock: Clock,
): (model: ModelName, position: number, signal: AbortSignal) => Promise<boolean> {
  const rounds = new Map<ModelName, Promise<number>>();

  async function ask(model: ModelName): Promise<number> {
    await clock.sleep(ROUND_MS);
    // Who comes from now on may wait for something newer than what is read here.
    rounds.delete(model);
    return positionOf(model);
  }

  function nextRound(model: ModelName): Promise<number> {
    const running = rounds.get(model);
    if (running !== undefined) return running;
    const round = ask(model);
    // Those who wait get the error; there may be none of them left.
    round.catch(() => {});
    rounds.set(model, round);
    return round;
  }

  return async (model, position, signal) => {
    const aborted = new Promise<null>((resolve) => {
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    let reached: number | null = await positionOf(model);
    while (reached !== null && reached < position && !signal.aborted) {
      reached = await Promise.race([nextRound(model), aborted]);
    }
    return reached !== null && reached >= position;
  };
}

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
