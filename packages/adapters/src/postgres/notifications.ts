import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "pg";
import { closeClient, openClient, queryCells } from "./client.ts";
import type { Server } from "./server.ts";
import { quoted } from "./sql-name.ts";

/** Listening on a channel of the server, over a connection of its own. */
export type Notifications = Readonly<{ close(): void }>;

export type NotificationOptions = Readonly<{
  server: Server;
  channel: string;
  onNotification: (payload: string) => void;
  /** Some may have been missed: the connection is new. */
  onConnected: () => void;
}>;

const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;
/** A connection that died without a word is found out by asking. */
const ASK_EVERY_MS = 10_000;
const CLIENT = { access: "read", timeoutMs: 5_000, isPipelined: true } as const;

/** Listens until it is closed; a lost connection is opened again, however long that takes. */
export function listen(options: NotificationOptions): Notifications {
  const closing = new AbortController();
  void listenAgain(options, closing.signal);
  return { close: () => closing.abort() };
}

async function listenAgain(options: NotificationOptions, signal: AbortSignal): Promise<void> {
  let pauseMs = RECONNECT_MS_MIN;
  while (!signal.aborted) {
    if (await listenOnce(options, signal)) pauseMs = RECONNECT_MS_MIN;
    await wait(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(2 * pauseMs, RECONNECT_MS_MAX);
  }
}

/** Until the connection is lost. @returns whether there was one */
async function listenOnce(options: NotificationOptions, signal: AbortSignal): Promise<boolean> {
  const { server, channel, onNotification, onConnected } = options;
  let client: Client | null = null;
  try {
    client = await openClient(server, CLIENT);
    const ended = once(client, "end").catch(() => undefined);
    client.on("notification", ({ payload = "" }) => onNotification(payload));
    await queryCells(client, { text: `LISTEN ${quoted(channel)}` });
    onConnected();
    await Promise.race([ended, askUntil(client, signal)]);
    return true;
  } catch {
    return client !== null;
  } finally {
    if (client !== null) closeClient(client);
  }
}

/** Until the signal aborts. @throws what the driver does where the connection is dead */
async function askUntil(client: Client, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await queryCells(client, { text: "SELECT" });
  }
}
