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

export type ReadRequest = Readonly<{ call: number }> & ForwardedRequest;
/** A command for the feed of changes, of which there is one. */
export type FeedRequest = Readonly<{ feed: FeedCommand }>;
export type ReadResponse =
  | (Readonly<{ call: number }> &
      (Readonly<{ answer: ForwardedAnswer }> | Readonly<{ failed: string }>))
  | Readonly<{ feed: FeedMessage }>
  /** The thread has answered the requests of the console's start page once. */
  | Readonly<{ ready: true }>;

type Pending = Readonly<{
  resolve: (answer: ForwardedAnswer) => void;
  reject: (error: unknown) => void;
}>;

export type ReadersThread = Readers &
  Readonly<{
    /** Resolves when the thread is warm, or has failed to start and will be restarted. */
    ready: Promise<void>;
  }>;

/**
 * Answers readers on a separate thread with its own connections, so that long lists and many readers
 * do not delay webhooks.
 */
export function startReadersThread({
  config,
  clock,
  logger,
}: Readonly<{ config: Config; clock: Clock; logger: Logger }>): ReadersThread {
  const { promise: ready, resolve: markReady } = Promise.withResolvers<void>();
  const pending = new Map<number, Pending>();
  let thread: Worker | null = null;
  let calls = 0;
  let feed: Readonly<{ send: (message: FeedMessage) => void; onEnd: () => void }> | null = null;

  function create(): Worker {
    thread = spawnThread({ kind: "readers", config });
    thread.once("exit", () => {
      markReady();
      thread = null;
      for (const { reject } of pending.values()) reject(threadEnded());
      pending.clear();
      feed?.onEnd();
    });
    return thread;
  }

  function onMessage(message: ReadResponse): void {
    if ("feed" in message) {
      feed?.send(message.feed);
      return;
    }
    if ("ready" in message) {
      markReady();
      return;
    }
    const request = pending.get(message.call);
    pending.delete(message.call);
    if ("answer" in message) request?.resolve(message.answer);
    else request?.reject(new Error(message.failed));
  }

  const supervised = superviseThread({
    create,
    onMessage,
    clock,
    logger: logger.child({ thread: "readers" }),
  });
  return {
    ready,
    answer: (request) =>
      new Promise((resolve, reject) => {
        if (thread === null) return reject(threadEnded());
        calls += 1;
        pending.set(calls, { resolve, reject });
        thread.postMessage({ call: calls, ...request } satisfies ReadRequest);
      }),
    openFeed(send, onEnd) {
      feed = { send, onEnd };
      return {
        tell(command) {
          if (thread !== null) thread.postMessage({ feed: command } satisfies FeedRequest);
          else if (command.kind === "open") onEnd();
        },
        // The feed stops with its thread.
        stop: async () => {},
      };
    },
    stop: supervised.stop,
  };
}

const threadEnded = () => new StreamUnavailable("the thread that answers readers has ended");

/** The first message of a thread that reads a body. */
export type ReadMessage = Omit<LargeReading, "facts" | "close">;
/** Requests a range of the body's facts, any number of times. */
export type FactsRequest = Readonly<{ from: number; upTo: number }>;
export type FactsMessage = readonly ProviderFact[];

/** A 60 MB body takes about 600 MB while it is read. */
const CONCURRENT_READINGS_MAX = 1;

/**
 * Reads large bodies, each on its own short-lived thread: its memory is released with it, and a body
 * that exhausts the memory ends only its thread.
 */
export function createReadingThreads(): ReadLarge {
  const waiting: (() => void)[] = [];
  let running = 0;

  function release(): void {
    running -= 1;
    waiting.shift()?.();
  }

  return async (source) => {
    while (running >= CONCURRENT_READINGS_MAX)
      await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await readOnThread(source, release);
    } catch (error) {
      release();
      throw error;
    }
  };
}

async function readOnThread(source: LargeSource, onClose: () => void): Promise<LargeReading> {
  const thread = spawnThread({ kind: "reading", source });
  // An early end of the thread rejects the next answer.
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
      thread.postMessage({ from, upTo } satisfies FactsRequest);
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
