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
 * Waits for appends. One subscription serves all waiters of an instance; it is a hint only. The head
 * is read once the subscription is confirmed, for what came before it, and now and then, for what it
 * loses.
 */
export function createAppendWatch(options: Options): Omit<HeadWaiters, "look"> {
  const { headPosition, timing } = options;
  const { look, ...waiters } = createHeadWaiters({
    headPosition,
    lookAfterMs: () => timing.pollMs,
    onWait: () => subscription.begin(),
    onRest: () => subscription.endLater(),
  });
  const subscription = createSubscription(options, {
    onAppend: waiters.announce,
    onConfirmed: look,
  });
  return {
    ...waiters,
    close: () => {
      waiters.close();
      subscription.end();
    },
  };
}

type Listener = Readonly<{
  onAppend: (position: number) => void;
  onConfirmed: () => Promise<void>;
}>;

/** A subscription while somebody waits; `cancel` ends its call, or the pause before the next one. */
type Attempt = { cancel: () => void };

/** At most one subscription, resubscribed with backoff. */
function createSubscription(
  { connection, stream, timing }: Options,
  { onAppend, onConfirmed }: Listener,
) {
  let current: Attempt | null = null;
  let linger: NodeJS.Timeout | undefined;

  async function follow(attempt: Attempt): Promise<void> {
    for (
      let retryMs = RETRY_MS_MIN;
      attempt === current;
      retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
    ) {
      const start = subscribeCall(stream, {
        confirmed: () => {
          retryMs = RETRY_MS_MIN;
          void onConfirmed();
        },
        appended: (revision) => onAppend(revision + 1),
      });
      await connection
        .call("subscribe", null, (streams, context) => {
          const call = start(streams, context);
          attempt.cancel = call.cancel;
          if (attempt !== current) call.cancel();
          return call;
        })
        .catch(() => {});
      if (attempt === current) await pause(attempt, retryMs);
    }
  }

  function end(): void {
    clearTimeout(linger);
    linger = undefined;
    const attempt = current;
    current = null;
    attempt?.cancel();
  }

  return {
    begin: () => {
      clearTimeout(linger);
      linger = undefined;
      if (current !== null) return;
      current = { cancel: () => {} };
      void follow(current);
    },
    /** A follower of the stream waits again in a moment. */
    endLater: () => {
      if (current !== null) linger ??= setTimeout(end, timing.lingerMs);
    },
    end,
  };
}

function pause(attempt: Attempt, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    attempt.cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
