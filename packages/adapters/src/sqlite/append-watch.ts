import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";

const LOOK_EVERY_MS_MIN = 2;
const LOOK_EVERY_MS_MAX = 25;
/** An idle file is looked at ever more rarely; from 2 to 25 ms takes a tenth of a second. */
const SLOWER = 1.25;

/** The waiters of all instances of this thread, by file. */
const waitersOfFile = new Map<string, Set<HeadWaiters>>();

/**
 * Waiting for the stream to grow. An append by this thread wakes every waiter of the file at once,
 * whichever instance it waits on; those of other processes and worker threads are found by looking
 * at the head, soon after an append and more rarely when nothing happens.
 */
export function createAppendWatch(
  file: string,
  headPosition: () => Promise<number>,
): Omit<HeadWaiters, "look"> {
  let everyMs = LOOK_EVERY_MS_MIN;
  const own = createHeadWaiters({
    headPosition,
    lookAfterMs: () => {
      const waitMs = everyMs;
      everyMs = Math.min(everyMs * SLOWER, LOOK_EVERY_MS_MAX);
      return waitMs;
    },
    onReached: () => {
      everyMs = LOOK_EVERY_MS_MIN;
    },
  });
  const all = waitersOfFile.get(file) ?? new Set();
  waitersOfFile.set(file, all.add(own));
  return {
    wait: own.wait,
    announce: (position) => {
      for (const waiters of all) waiters.announce(position);
    },
    close: () => {
      all.delete(own);
      if (all.size === 0) waitersOfFile.delete(file);
      own.close();
    },
  };
}
