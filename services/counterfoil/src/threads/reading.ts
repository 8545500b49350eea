import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { LargeReading, LargeSource, ReadLarge } from "@counterfoil/processing/ports/ingest";
import { spawnThread } from "./supervise.ts";

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
