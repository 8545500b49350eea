import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";
import type { Connection } from "./connection.ts";
import { subscribeCall } from "./subscribe-call.ts";
import type { Timing } from "./timing.ts";

type Options = Readonly<{
  connection: Connection;
  stream: string;
  headPosition: () => Promise<number>;
  timing: Timing;
}>;

const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 5000;

/**
 * Waiting for the stream to grow. One subscription serves all waiters of an instance; it is a hint.
 * What came before it is found by looking at the head once it is confirmed, and what it loses by
 * looking now and then.
 */
export function createAppendWatch(options: Options): Omit<HeadWaiters, "look"> {
  const { headPosition, timing } = options;
  const { look, ...waiters } = createHeadWaiters({
    headPosition,
    lookAfterMs: () => timing.pollMs,
    onWait: () => subscription.begin(),
    onRest: () => subscription.endLater(),
  });
  const subscription = createSubscription(options, { hear: waiters.announce, look });
  return {
    ...waiters,
    close: () => {
      waiters.close();
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
