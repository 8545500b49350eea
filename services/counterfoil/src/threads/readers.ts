import type { Worker } from "node:worker_threads";
import type { Config } from "@counterfoil/contracts/config";
import type { Readers } from "@counterfoil/gateway/gateway";
import type { ElsewhereAnswer, Question } from "@counterfoil/gateway/route";
import type { FeedCommand, FeedMessage } from "@counterfoil/processing/changes/feed";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { Logger } from "pino";
import { spawnThread, superviseThread } from "./supervise.ts";

export type ReadQuestion = Readonly<{ call: number }> & Question;
/** Of the feed of changes, of which there is one. */
export type FeedQuestion = Readonly<{ feed: FeedCommand }>;
export type ReadAnswer =
  | (Readonly<{ call: number }> &
      (Readonly<{ answer: ElsewhereAnswer }> | Readonly<{ failed: string }>))
  | Readonly<{ feed: FeedMessage }>;

type Pending = Readonly<{
  resolve: (answer: ElsewhereAnswer) => void;
  reject: (error: unknown) => void;
}>;

/**
 * Readers are answered on a thread of its own, with connections of its own: however long a list is
 * and however many ask for it, webhooks are acknowledged beside it.
 */
export function startReadersThread({
  config,
  clock,
  logger,
}: Readonly<{ config: Config; clock: Clock; logger: Logger }>): Readers {
  const pending = new Map<number, Pending>();
  let thread: Worker | null = null;
  let calls = 0;
  let feed: Readonly<{ send: (message: FeedMessage) => void; onEnd: () => void }> | null = null;

  function create(): Worker {
    thread = spawnThread({ kind: "readers", config });
    thread.once("exit", () => {
      thread = null;
      for (const { reject } of pending.values()) reject(ended());
      pending.clear();
      feed?.onEnd();
    });
    return thread;
  }

  function onMessage(message: ReadAnswer): void {
    if ("feed" in message) {
      feed?.send(message.feed);
      return;
    }
    const asked = pending.get(message.call);
    pending.delete(message.call);
    if ("answer" in message) asked?.resolve(message.answer);
    else asked?.reject(new Error(message.failed));
  }

  const supervised = superviseThread({
    create,
    onMessage,
    clock,
    logger: logger.child({ thread: "readers" }),
  });
  return {
    answer: (question) =>
      new Promise((resolve, reject) => {
        if (thread === null) return reject(ended());
        calls += 1;
        pending.set(calls, { resolve, reject });
        thread.postMessage({ call: calls, ...question } satisfies ReadQuestion);
      }),
    openFeed(send, onEnd) {
      feed = { send, onEnd };
      return {
        tell(command) {
          if (thread !== null) thread.postMessage({ feed: command } satisfies FeedQuestion);
          else if (command.kind === "open") onEnd();
        },
        // The thread ends it.
        stop: async () => {},
      };
    },
    stop: supervised.stop,
  };
}

const ended = () => new StreamUnavailable("the thread that answers readers has ended");
