/**
 * Waiting for a stream's head to pass a position. The wait ends after an append by this process, a hint
 * from another one, or a poll of the head.
 */
export type HeadWaiters = Readonly<{
  /** Resolves when the head may have passed `after`, or when the signal aborts. */
  wait(after: number, signal: AbortSignal): Promise<void>;
  /** Reports a new head position. */
  announce(position: number): void;
  /** Reads the head if there are waiters. */
  look(): Promise<void>;
  /** Wakes all waiters; later waits return at once. */
  close(): void;
}>;

type HeadWaitersOptions = Readonly<{
  headPosition: () => Promise<number>;
  /** The delay until the next read of the head; called before each. */
  lookAfterMs: () => number;
  /** Called when a wait begins. */
  onWait?: () => void;
  /** Called when the head has passed a waiter's position. */
  onReached?: () => void;
  /** Called when there are no waiters any more. */
  onRest?: () => void;
}>;

type Waiter = Readonly<{ after: number; wake: () => void }>;

/** Polls the head only while there are waiters. */
export function createHeadWaiters(options: HeadWaitersOptions): HeadWaiters {
  const { headPosition, lookAfterMs, onWait, onReached, onRest } = options;
  const waiters = new Set<Waiter>();
  let isClosed = false;

  function announce(position: number): void {
    const reached = [...waiters].filter(({ after }) => after < position);
    if (reached.length > 0) onReached?.();
    for (const waiter of reached) waiter.wake();
  }

  /** An error wakes all waiters; their next read throws it. */
  async function look(): Promise<void> {
    if (waiters.size > 0) announce(await headPosition().catch(() => Number.POSITIVE_INFINITY));
  }

  const polling = createPolling(look, () => (waiters.size > 0 ? lookAfterMs() : null));

  function leave(waiter: Waiter): void {
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    polling.stop();
    onRest?.();
  }

  return {
    wait: async (after, signal) => {
      if (isClosed || signal.aborted) return;
      const { waiter, woken } = createWaiter(after, signal, leave);
      // The waiter is added before the head is read, so that no append in between is missed.
      waiters.add(waiter);
      onWait?.();
      await look();
      polling.start();
      await woken;
    },
    announce,
    look,
    close: () => {
      isClosed = true;
      announce(Number.POSITIVE_INFINITY);
    },
  };
}

function createWaiter(after: number, signal: AbortSignal, leave: (waiter: Waiter) => void) {
  const { promise: woken, resolve } = Promise.withResolvers<void>();
  const wake = () => {
    signal.removeEventListener("abort", wake);
    leave(waiter);
    resolve();
  };
  const waiter: Waiter = { after, wake };
  signal.addEventListener("abort", wake);
  return { waiter, woken };
}

/** Calls `look` repeatedly. @param afterMs the delay until the next call; null ends the polling */
function createPolling(look: () => Promise<void>, afterMs: () => number | null) {
  let timer: NodeJS.Timeout | undefined;
  function start(): void {
    const ms = timer === undefined ? afterMs() : null;
    if (ms === null) return;
    timer = setTimeout(async () => {
      timer = undefined;
      await look();
      start();
    }, ms);
  }
  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
  }
  return { start, stop };
}
