import type { TreeHead } from "@counterfoil/contracts/audit";
import { MILLISECOND, type Nanos, timeOf } from "@counterfoil/core/exact/time";
import type { Clock } from "../ports/clock.ts";
import type { Heads } from "./heads.ts";

export type HeadSchedule = Readonly<{
  heads: Pick<Heads, "last" | "make">;
  clock: Clock;
  everySeconds: number;
  onMade: (head: TreeHead) => void;
  onFailed: (error: unknown) => void;
}>;

/**
 * Delay before a retry after a failure, and the maximum interval between checks for heads of other
 * processes.
 */
const CHECK_INTERVAL_MS = 60_000;

/**
 * Signs a head whenever the last one is older than the interval, until the signal aborts. Of
 * several processes the first one makes it, and the others find it recent. If nothing was appended,
 * the last head stays.
 */
export async function keepHeads(schedule: HeadSchedule, signal: AbortSignal): Promise<void> {
  const { heads, clock, everySeconds, onMade, onFailed } = schedule;
  let since = clock.now();
  while (!signal.aborted) {
    const dueInMs = everySeconds * 1000 - msBetween(since, clock.now());
    await clock.sleep(Math.min(Math.max(dueInMs, 1), CHECK_INTERVAL_MS), signal);
    if (signal.aborted) return;
    try {
      const last = await heads.last();
      if (last !== null && timeOf(last.signed_at) > since) since = timeOf(last.signed_at);
      if (msBetween(since, clock.now()) < everySeconds * 1000) continue;
      const head = await heads.make();
      since = clock.now();
      if (head.signature !== last?.signature) onMade(head);
    } catch (error) {
      onFailed(error);
      await clock.sleep(CHECK_INTERVAL_MS, signal);
    }
  }
}

const msBetween = (from: Nanos, to: Nanos): number => Number((to - from) / MILLISECOND);
