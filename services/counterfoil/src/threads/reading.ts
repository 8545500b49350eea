import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import type { Config } from "@counterfoil/contracts/config";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { Readers } from "@counterfoil/gateway/gateway";
import type { ForwardedAnswer, ForwardedRequest } from "@counterfoil/gateway/route";
import type { FeedCommand, FeedMessage } from "@counterfoil/processing/changes/feed";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { LargeReading, LargeSource, ReadLarge } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import { spawnThread, superviseThread } from "./supervise.ts";

export type ReadQuestion = Readonly<{ call: number }> & ForwardedRequest;
/** Of the feed of changes, of which there is one. */
export type FeedQuestion = Readonly<{ feed: FeedCommand }>;
export type ReadAnswer =
  | (Readonly<{ call: number }> &
      (Readonly<{ answer: ForwardedAnswer }> | Readonly<{ failed: string }>))
  | Readonly<{ feed: FeedMessage }>
  /** It has answered once what the console's start page asks. */
  | Readonly<{ ready: true }>;

type Pending = Readonly<{
  resolve: (answer: ForwardedAnswer) => void;
  reject: (error: unknown) => void;
}>;

export type ReadersThread = Readers &
  Readonly<{
    /** Once it answers as fast as it will, or has failed to begin: then it is started again. */
    ready: Promise<void>;
  }>;

/**
 * Readers are answered on a thread of its own, with connections of its own: however long a list is
 * and however many ask for it, webhooks are acknowledged beside it.
 */
export function startReadersThread({
  config,
  clock,
  logger,
}: Readonly<{ config: Config; clock: Clock; logger: Logger }>): ReadersThread {
  const { promise: ready, resolve: begin } = Promise.withResolvers<void>();
  const pending = new Map<number, Pending>();
  let thread: Worker | null = null;
  let calls = 0;
  let feed: Readonly<{ send: (message: FeedMessage) => void; onEnd: () => void }> | null = null;

  function create(): Worker {
    thread = spawnThread({ kind: "readers", config });
    thread.once("exit", () => {
      begin();
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
    if ("ready" in message) {
      begin();
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
    ready,
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

/** What a thread says first of the body that it was started with. */
export type ReadMessage = Omit<LargeReading, "facts" | "close">;
/** Which facts are asked of it, any number of times. */
export type FactsQuestion = Readonly<{ from: number; upTo: number }>;
export type FactsMessage = readonly ProviderFact[];

/** A 60 MB body takes some 600 MB while it is read. */
const AT_ONCE = 1;

/**
 * Reads large bodies, each on a thread of its own that ends with it: what took its memory is gone
 * then, and one that it is too much for takes nobody along.
 */
export function createReadingThreads(): ReadLarge {
  const waiting: (() => void)[] = [];
  let running = 0;

  function leave(): void {
    running -= 1;
    waiting.shift()?.();
  }

  return async (source) => {
    while (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await readOnThread(source, leave);
    } catch (error) {
      leave();
      throw error;
    }
  };
}

async function readOnThread(source: LargeSource, onClose: () => void): Promise<LargeReading> {
  const thread = spawnThread({ kind: "reading", source });
  // What ends it early shows at the next answer that is waited for.
  const failure = new Promise<never>((_, reject) => {
    thread.once("error", reject);
    thread.once("exit", () => reject(new Error("the thread that reads a large body has ended")));
  });
  failure.catch(() => {});
  const answer = <T>() => Promise.race([failure, nextMessage<T>(thread)]);
  const read = await answer<ReadMessage>();
  let isOpen = true;
  return {
    ...read,
    facts: (from, upTo) => {
      thread.postMessage({ from, upTo } satisfies FactsQuestion);
      return answer<FactsMessage>();
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      void thread.terminate();
      onClose();
    },
  };
}

const nextMessage = async <T>(thread: Worker): Promise<T> => (await once(thread, "message"))[0];
