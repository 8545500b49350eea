/**
 * Waiting for a stream's head to pass a position. An append by this process, a hint from elsewhere or
 * a look at the head now and then ends it.
 */
export type HeadWaiters = Readonly<{
  /** Resolves when the head may have passed `after`, or when the signal aborts. */
  wait(after: number, signal: AbortSignal): Promise<void>;
  /** The head is there now. */
  announce(position: number): void;
  /** Looks at the head, where anybody waits for it. */
  look(): Promise<void>;
  /** Wakes everybody; from now on nobody waits. */
  close(): void;
}>;

type HeadWaitersOptions = Readonly<{
  headPosition: () => Promise<number>;
  /** How long until the next look; asked anew for each. */
  lookAfterMs: () => number;
  /** Somebody begins to wait. */
  onWait?: () => void;
  /** Somebody's wait was not in vain. */
  onReached?: () => void;
  /** Nobody waits any more. */
  onRest?: () => void;
}>;

type Waiter = Readonly<{ after: number; wake: () => void }>;

export function createHeadWaiters(options: HeadWaitersOptions): HeadWaiters {
  const { headPosition, lookAfterMs, onWait, onReached, onRest } = options;
  const waiters = new Set<Waiter>();
  let isClosed = false;

  function announce(position: number): void {
    const reached = [...waiters].filter(({ after }) => after < position);
    if (reached.length > 0) onReached?.();
    for (const waiter of reached) waiter.wake();
  }

  /** Trouble wakes everybody: the reads that they do next say what it is. */
  async function look(): Promise<void> {
    if (waiters.size > 0) announce(await headPosition().catch(() => Number.POSITIVE_INFINITY));
  }

  const looks = createRepeatedLook(look, () => (waiters.size > 0 ? lookAfterMs() : null));

  function leave(waiter: Waiter): void {
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    looks.stop();
    onRest?.();
  }

  return {
    wait: async (after, signal) => {
      if (isClosed || signal.aborted) return;
      const { waiter, woken } = createWaiter(after, signal, leave);
      // It listens before it looks: an append in between is noticed by one or the other.
      waiters.add(waiter);
      onWait?.();
      await look();
      looks.start();
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

/** Looks again and again. @param afterMs how long until the next look; null: no more */
function createRepeatedLook(look: () => Promise<void>, afterMs: () => number | null) {
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

/** Lets so many callers in at once; a place that becomes free goes to the one that waits longest. */
export function createGate(sizeMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (work) => {
    if (inside < sizeMax) inside += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inside -= 1;
      else next();
    }
  };
}
