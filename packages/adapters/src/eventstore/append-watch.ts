import type { Connection } from "./connection.ts";
import { subscribeCall } from "./subscribe-call.ts";
import type { Timing } from "./timing.ts";

/**
 * Waiting for the stream to grow. One subscription serves all waiters of an instance; it is a hint.
 * What came before it is found by looking at the head once it is confirmed, and what it loses by
 * looking now and then.
 */
export type AppendWatch = Readonly<{
  wait(after: number, signal: AbortSignal): Promise<void>;
  /** Tells the waiters that the head is there now. */
  announce(position: number): void;
  close(): void;
}>;

type Options = Readonly<{
  connection: Connection;
  stream: string;
  headPosition: () => Promise<number>;
  timing: Timing;
}>;

type Waiter = Readonly<{ after: number; wake: () => void }>;

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 5000;

export function createAppendWatch(options: Options): AppendWatch {
  const { headPosition, timing } = options;
  const waiters = new Set<Waiter>();
  let poll: NodeJS.Timeout | undefined;
  let isClosed = false;

  function hear(position: number): void {
    for (const waiter of [...waiters]) if (waiter.after < position) waiter.wake();
  }

  /** Trouble wakes everybody: the reads that they do next say what it is. */
  async function look(): Promise<void> {
    if (waiters.size > 0) hear(await headPosition().catch(() => Number.POSITIVE_INFINITY));
  }

  const subscription = createSubscription(options, { hear, look });

  function pollLater(): void {
    if (poll !== undefined || waiters.size === 0) return;
    poll = setTimeout(async () => {
      poll = undefined;
      await look();
      pollLater();
    }, timing.pollMs);
  }

  function rest(): void {
    clearTimeout(poll);
    poll = undefined;
    subscription.endLater();
  }

  return {
    wait: async (after, signal) => {
      if (isClosed || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => {
        waiters.delete(waiter);
        signal.removeEventListener("abort", wake);
        if (waiters.size === 0) rest();
        resolve();
      };
      const waiter = { after, wake };
      signal.addEventListener("abort", wake);
      waiters.add(waiter);
      subscription.begin();
      // It follows already, or looks when it does: an append is noticed by one or the other.
      await look();
      pollLater();
      await promise;
    },
    announce: hear,
    close: () => {
      isClosed = true;
      hear(Number.POSITIVE_INFINITY);
      subscription.end();
    },
  };
}

type Ears = Readonly<{ hear: (position: number) => void; look: () => Promise<void> }>;

/** A subscription as long as somebody wants it, with whatever ends it or its pause between tries. */
type Run = { cancel: () => void };

/** One subscription at most, made again with backoff. */
function createSubscription({ connection, stream, timing }: Options, { hear, look }: Ears) {
  let current: Run | null = null;
  let linger: NodeJS.Timeout | undefined;

  async function follow(run: Run): Promise<void> {
    for (
      let retryMs = RETRY_MS_MIN;
      run === current;
      retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
    ) {
      const start = subscribeCall(stream, {
        confirmed: () => {
          retryMs = RETRY_MS_MIN;
          void look();
        },
        appended: (revision) => hear(revision + 1),
      });
      await connection
        .call("subscribe", null, (streams, context) => {
          const call = start(streams, context);
          run.cancel = call.cancel;
          if (run !== current) call.cancel();
          return call;
        })
        .catch(() => {});
      if (run === current) await pause(run, retryMs);
    }
  }

  function end(): void {
    clearTimeout(linger);
    linger = undefined;
    const run = current;
    current = null;
    run?.cancel();
  }

  return {
    begin: () => {
      clearTimeout(linger);
      linger = undefined;
      if (current !== null) return;
      current = { cancel: () => {} };
      void follow(current);
    },
    /** Whoever follows the stream waits again in a moment. */
    endLater: () => {
      if (current !== null) linger ??= setTimeout(end, timing.lingerMs);
    },
    end,
  };
}

function pause(run: Run, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    run.cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
