import { createHeadWaiters, type HeadWaiters } from "../head-waiters.ts";
import { listen, type Notifications } from "./notifications.ts";
import type { Server } from "./server.ts";

export type AppendWatchOptions = Readonly<{
  server: Server;
  channel: string;
  headPosition: () => Promise<number>;
}>;

const LOOK_EVERY_MS = 500;

/**
 * Waiting for the stream to grow. Appends by this instance wake its waiters at once, those of others
 * by a notification of the server. It is a hint and may be lost with its connection, so the head is
 * looked at besides.
 */
export function createAppendWatch(options: AppendWatchOptions): Omit<HeadWaiters, "look"> {
  const { server, channel, headPosition } = options;
  let notifications: Notifications | null = null;
  const { look, ...waiters } = createHeadWaiters({
    headPosition,
    lookAfterMs: () => LOOK_EVERY_MS,
    // From the first waiter on: who never waits needs no connection for it.
    onWait: () => {
      notifications ??= listen({
        server,
        channel,
        onNotification: (payload) => waiters.announce(Number(payload)),
        onConnected: () => void look(),
      });
    },
  });
  return {
    ...waiters,
    close: () => {
      notifications?.close();
      waiters.close();
    },
  };
}
