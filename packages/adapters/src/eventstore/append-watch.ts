import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";
import type { Connection, StartCall, Timing } from "./connection.ts";
import { type ReadResponse, requestOf, storedOf } from "./stream-reader.ts";

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
type Attempt = { isOver: boolean; cancel: () => void };

/** At most one subscription, as long as somebody wants it. */
function createSubscription(options: Options, listener: Listener) {
  let current: Attempt | null = null;
  let linger: NodeJS.Timeout | undefined;

  function cancelLinger(): void {
    clearTimeout(linger);
    linger = undefined;
  }

  function end(): void {
    cancelLinger();
    if (current !== null) current.isOver = true;
    current?.cancel();
    current = null;
  }

  return {
    begin: () => {
      cancelLinger();
      if (current !== null) return;
      current = { isOver: false, cancel: () => {} };
      void follow(options, listener, current);
    },
    /** A follower of the stream waits again in a moment. */
    endLater: () => {
      if (current !== null) linger ??= setTimeout(end, options.timing.lingerMs);
    },
    end,
  };
}

/** Subscribes, and again with backoff whenever the subscription ends. */
async function follow(
  { connection, stream }: Options,
  { onAppend, onConfirmed }: Listener,
  attempt: Attempt,
): Promise<void> {
  let retryMs = RETRY_MS_MIN;
  const start = subscribeCall(stream, {
    confirmed: () => {
      retryMs = RETRY_MS_MIN;
      void onConfirmed();
    },
    appended: (revision) => onAppend(revision + 1),
  });
  while (!attempt.isOver) {
    await connection
      .call("subscribe", null, (streams, context) => {
        const call = start(streams, context);
        attempt.cancel = call.cancel;
        if (attempt.isOver) call.cancel();
        return call;
      })
      .catch(() => {});
    if (!attempt.isOver) await pause(attempt, retryMs);
    retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
  }
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

type SubscriptionListener = Readonly<{
  /** From here on nothing is missed. */
  confirmed: () => void;
  appended: (revision: number) => void;
}>;

/**
 * Follows what is new on a stream, also on one that is not there yet. It never ends by itself; the
 * answer fails when the server or the connection ends it.
 */
function subscribeCall(stream: string, listener: SubscriptionListener): StartCall<never> {
  return (client, { argumentsOf }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    const request = requestOf(stream);
    request.getStream()?.setEnd(new shared.Empty());
    request.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
    const call = client.read(new streams.ReadReq().setOptions(request), ...argumentsOf());
    call.on("error", reject);
    call.on("end", () => reject(new Error("the server ended the subscription")));
    call.on("data", (response: ReadResponse) => {
      if (response.hasConfirmation()) listener.confirmed();
      const event = storedOf(response);
      if (event !== null) listener.appended(event.revision);
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}
