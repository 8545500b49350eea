import { listen, type Notifications } from "./notifications.ts";
import type { Server } from "./server.ts";

/**
 * Waiting for the stream to grow. Appends by this instance wake its waiters at once, those of others
 * by a notification of the server. It is a hint and may be lost with its connection, so the head is
 * looked at besides.
 */
export type AppendWatch = Readonly<{
  wait(after: number, signal: AbortSignal): Promise<void>;
  /** Tells the waiters that the head is there now. */
  announce(position: number): void;
  close(): void;
}>;

export type AppendWatchOptions = Readonly<{
  server: Server;
  channel: string;
  headPosition: () => Promise<number>;
}>;

const LOOK_EVERY_MS = 500;

type Waiter = Readonly<{ after: number; wake: () => void }>;

export function createAppendWatch(options: AppendWatchOptions): AppendWatch {
  const { server, channel, headPosition } = options;
  const waiters = new Set<Waiter>();
  let notifications: Notifications | null = null;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function announce(position: number): void {
    const reached = [...waiters].filter(({ after }) => after < position);
    for (const waiter of reached) waiter.wake();
  }

  /** Trouble wakes everybody: the reads that they do next say what it is. */
  async function look(): Promise<void> {
    announce(await headPosition().catch(() => Number.POSITIVE_INFINITY));
  }

  function lookLater(): void {
    if (timer !== undefined || waiters.size === 0) return;
    timer = setTimeout(async () => {
      timer = undefined;
      await look();
      lookLater();
    }, LOOK_EVERY_MS);
  }

  /** From the first waiter on: who never waits needs no connection for it. */
  function listening(): Notifications {
    const onNotification = (payload: string) => announce(Number(payload));
    const onConnected = () => void look();
    return listen({ server, channel, onNotification, onConnected });
  }

  return {
    wait: async (after, signal) => {
      if (closed || signal.aborted) return;
      notifications ??= listening();
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => {
        waiters.delete(waiter);
        signal.removeEventListener("abort", wake);
        if (waiters.size === 0) {
          clearTimeout(timer);
          timer = undefined;
        }
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
    announce,
    close: () => {
      closed = true;
      notifications?.close();
      announce(Number.POSITIVE_INFINITY);
    },
  };
}
