/**
 * Waiting for the stream to grow. An append by this thread wakes every waiter of the file at once,
 * whichever instance it waits on; those of other processes and worker threads are found by looking
 * at the head, soon after an append and more rarely when nothing happens.
 */
export type AppendWatch = Readonly<{
  wait(after: number, signal: AbortSignal): Promise<void>;
  /** Tells the whole thread that the head is there now. */
  announce(position: number): void;
  close(): void;
}>;

const LOOK_EVERY_MS_MIN = 2;
const LOOK_EVERY_MS_MAX = 25;
/** An idle file is looked at ever more rarely; from 2 to 25 ms takes a tenth of a second. */
const SLOWER = 1.25;

type Waiter = Readonly<{ after: number; wake: () => void }>;

/** The listeners of all instances of this thread, by file. */
const listenersOfFile = new Map<string, Set<(position: number) => void>>();

export function createAppendWatch(file: string, headPosition: () => Promise<number>): AppendWatch {
  const waiters = new Set<Waiter>();
  const listeners = listenersOfFile.get(file) ?? new Set();
  listenersOfFile.set(file, listeners.add(hear));
  let everyMs = LOOK_EVERY_MS_MIN;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function hear(position: number): void {
    const reached = [...waiters].filter(({ after }) => after < position);
    for (const waiter of reached) waiter.wake();
    if (reached.length > 0) everyMs = LOOK_EVERY_MS_MIN;
    if (waiters.size === 0) stopLooking();
  }

  /** Trouble wakes everybody: the reads that they do next say what it is. */
  async function look(): Promise<void> {
    hear(await headPosition().catch(() => Number.POSITIVE_INFINITY));
  }

  function lookLater(): void {
    if (timer !== undefined || waiters.size === 0) return;
    timer = setTimeout(async () => {
      timer = undefined;
      everyMs = Math.min(everyMs * SLOWER, LOOK_EVERY_MS_MAX);
      await look();
      lookLater();
    }, everyMs);
  }

  function stopLooking(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    wait: async (after, signal) => {
      if (closed || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => {
        waiters.delete(waiter);
        signal.removeEventListener("abort", wake);
        if (waiters.size === 0) stopLooking();
        resolve();
      };
      const waiter = { after, wake };
      signal.addEventListener("abort", wake);
      // It listens before it looks: an append in between is noticed by one or the other.
      waiters.add(waiter);
      await look();
      lookLater();
      await promise;
    },
    announce: (position) => {
      for (const listener of listeners) listener(position);
    },
    close: () => {
      closed = true;
      listeners.delete(hear);
      if (listeners.size === 0) listenersOfFile.delete(file);
      hear(Number.POSITIVE_INFINITY);
    },
  };
}
