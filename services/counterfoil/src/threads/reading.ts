import { once } from "node:events";
import { totalmem } from "node:os";
import { constrainedMemory } from "node:process";
import type { ResourceLimits } from "node:worker_threads";
import { createGate } from "@counterfoil/adapters/gate";
import { collectEverywhere } from "@counterfoil/adapters/node/garbage";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { beyondMemory } from "@counterfoil/processing/ingest/large-reading";
import type { LargeReading, LargeSource, ReadLarge } from "@counterfoil/processing/ports/ingest";
import { startThread } from "./supervise.ts";

/**
 * Limits for a thread that reads one large body. A snapshot is read piece by piece, so only what is read
 * as a whole needs more: a run of 200,000 movements takes some hundreds of megabytes.
 */
const LIMITS = {
  maxYoungGenerationSizeMb: 6,
  maxOldGenerationSizeMb: Math.max(96, Math.floor(memoryOfMachine() / 5)),
} satisfies ResourceLimits;

/** In megabytes; in a container, what it may use. */
function memoryOfMachine(): number {
  const bytes = Math.min(totalmem(), constrainedMemory() || Number.POSITIVE_INFINITY);
  return bytes / 1024 / 1024;
}

/** The first message of a thread that reads a body. */
export type ReadMessage = Omit<LargeReading, "facts" | "close">;
/** Requests a range of the body's facts, any number of times. */
export type FactsRequest = Readonly<{ from: number; upTo: number }>;

/** Room is made for what is larger; for less it is not worth the pause of all threads. */
const ROOM_BYTES = 4 * 1024 * 1024;

/** One reading at a time in a process: several would take several times the memory. */
const takeTurn = createGate(1);

/**
 * Reads a large body on its own short-lived thread: its memory is released with it, and a body that
 * exhausts the memory ends only its thread.
 */
const readOnThread: ReadLarge = readWithin(LIMITS);

/** How a process reads the bytes of deliveries. */
export const READING = { translations: TRANSLATIONS, readLarge: readOnThread } as const;

/** As `readOnThread`, with these limits. */
export function readWithin(limits: typeof LIMITS): ReadLarge {
  return async (source) => {
    const reading = Promise.withResolvers<LargeReading>();
    const closed = Promise.withResolvers<void>();
    // The turn lasts until the reading is closed, or fails.
    void takeTurn(() => {
      if (source.bytes.length > ROOM_BYTES) collectEverywhere();
      reading.resolve(startReading(source, limits, closed.resolve));
      reading.promise.catch(closed.resolve);
      return closed.promise;
    });
    try {
      return await reading.promise;
    } catch (error) {
      return unreadAfter(error, source, limits);
    }
  };
}

async function startReading(
  source: LargeSource,
  resourceLimits: typeof LIMITS,
  onClose: () => void,
): Promise<LargeReading> {
  const thread = startThread("./read-body.ts", {
    workerData: source,
    name: "reading",
    resourceLimits,
  });
  const ended = new AbortController();
  thread.once("error", (error) => ended.abort(error));
  thread.once("exit", () => {
    ended.abort(new Error("the thread that reads a large body has ended"));
  });
  const { signal } = ended;
  /** The thread's next message: nothing that outlives the answer may hold it. */
  async function answer<T>(): Promise<T> {
    try {
      return (await once(thread, "message", { signal }))[0];
    } catch {
      throw signal.reason;
    }
  }
  const read = await answer<ReadMessage>();
  let isOpen = true;
  return {
    ...read,
    facts: (from, upTo) => {
      thread.postMessage({ from, upTo } satisfies FactsRequest);
      return answer<readonly ProviderFact[]>();
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      void thread.terminate();
      onClose();
    },
  };
}

/**
 * A body that exhausts the memory of its thread would exhaust that of the next one too.
 *
 * @throws any other error: the body may be read later
 */
function unreadAfter(
  error: unknown,
  { bytes }: LargeSource,
  { maxOldGenerationSizeMb }: typeof LIMITS,
): LargeReading {
  if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_OUT_OF_MEMORY") throw error;
  return beyondMemory(bytes, maxOldGenerationSizeMb, nodeHashing);
}
