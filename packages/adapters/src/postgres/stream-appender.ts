import { setTimeout as wait } from "node:timers/promises";
import type { Head } from "@counterfoil/core/stream/chain";
import type { AppendResult } from "@counterfoil/processing/ports/event-stream";
import { isConnectionLost } from "./engine-error.ts";
import type { ReconnectingClient } from "./reconnecting-client.ts";
import {
  type Append,
  appendError,
  isOnStream,
  type SealedAppend,
  type SendOptions,
  sealAppend,
  sendAppend,
} from "./stream-append.ts";
import { readHead } from "./stream-read.ts";

/** How long the outcome of an append is looked for where the connection was lost meanwhile. */
const PATIENCE_MS = 4_000;
const PAUSE_MS = 100;

export type Appender = (expectedPosition: number, append: Append) => Promise<AppendResult>;

/** Appends one after the other: they would only wait for each other's lock on the server. */
export function createAppender(writer: ReconnectingClient, options: SendOptions): Appender {
  const { tables } = options;
  let last: Promise<unknown> = Promise.resolve();
  /** The head behind this instance's last append; the guard of the next one finds out if it moved. */
  let known: Head | null = null;

  async function appendNext(expectedPosition: number, append: Append): Promise<AppendResult> {
    if (known?.position !== expectedPosition) {
      known = await writer.use((client) => readHead(client, tables));
    }
    if (known.position !== expectedPosition) return { outcome: "conflict" };
    const sealed = sealAppend(known, append, tables);
    known = null;
    if (!(await sendSurely(writer, sealed, options))) return { outcome: "conflict" };
    known = sealed.after;
    return { outcome: "appended", head: sealed.after };
  }

  return (expectedPosition, append) => {
    const result = last.then(() => appendNext(expectedPosition, append));
    last = result.catch(() => undefined);
    return result;
  };
}

/**
 * Sends an append until it is certain what became of it. A connection that is lost on the way leaves
 * the server perhaps about to commit, so looking proves nothing: the very same append is sent
 * again, with its hashes, and only one of the two finds the head that it needs. Where that was the
 * first, the stream holds our last hash.
 *
 * @returns whether it is on the stream
 * @throws StreamUnavailable where the server stays away; whoever appends looks up what is there
 */
async function sendSurely(
  writer: ReconnectingClient,
  sealed: SealedAppend,
  options: SendOptions,
): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  let isUncertain = false;
  for (;;) {
    try {
      return await writer.use(async (client) => {
        const isRepeated = isUncertain;
        try {
          if (await sendAppend(client, sealed, options)) return true;
          return isRepeated && (await isOnStream(client, sealed, options.tables));
        } catch (error) {
          isUncertain = isConnectionLost(error);
          throw await appendError(client, error, sealed.events, options.tables);
        }
      });
    } catch (error) {
      // What the server refused it has rolled back. What failed to connect was not sent, but an
      // earlier sending may still be on its way.
      if (!isUncertain || performance.now() >= deadline) throw error;
    }
    await wait(PAUSE_MS);
  }
}
