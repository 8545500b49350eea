import { Worker } from "node:worker_threads";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import type { AppendResult, KnownEvents } from "@counterfoil/processing/ports/event-stream";
import { packAppend } from "./packed-append.ts";
import type { Answer, Question, StreamThreadData } from "./stream-thread-message.ts";
import type { StreamWriter } from "./stream-writer.ts";
import { unpackError } from "./thread-error.ts";

/** A writer on a thread of its own. */
export type StreamThread = StreamWriter & Readonly<{ close: () => Promise<void> }>;

type Pending = Readonly<{
  resolve: (result: KnownEvents | AppendResult) => void;
  reject: (error: unknown) => void;
}>;

/**
 * Lets another thread write the stream: a disk that takes its time to flush does not stop the event
 * loop that answers webhooks, and takes the next ones in meanwhile. A thread that dies fails what was
 * asked of it, like a disk that went away, and the next question starts another.
 */
export function openStreamThread(data: StreamThreadData): StreamThread {
  const pending = new Map<number, Pending>();
  let thread: Worker | null = null;
  let ended: Promise<unknown> = Promise.resolve();
  let calls = 0;

  function fail(ended: Worker, cause: unknown): void {
    if (thread !== ended) return;
    const failed = [...pending.values()];
    pending.clear();
    thread = null;
    const error = new StreamUnavailable("the thread that writes the stream has ended", { cause });
    for (const { reject } of failed) reject(error);
  }

  function start(): Worker {
    const started = new Worker(new URL("./stream-thread.ts", import.meta.url), {
      workerData: data,
      name: "stream",
    });
    ended = new Promise((resolve) => started.once("exit", resolve));
    started.on("error", (error) => fail(started, error));
    started.on("exit", (code) => fail(started, `exit code ${code}`));
    started.on("message", (answer: Answer) => {
      const asked = pending.get(answer.call);
      pending.delete(answer.call);
      if ("error" in answer) asked?.reject(unpackError(answer.error));
      else asked?.resolve(answer.result);
    });
    return started;
  }

  function ask<Result>(question: Question["ask"], moved: ArrayBuffer[] = []): Promise<Result> {
    thread ??= start();
    const call = ++calls;
    thread.postMessage({ call, ask: question } satisfies Question, moved);
    return new Promise<KnownEvents | AppendResult>((resolve, reject) => {
      pending.set(call, { resolve, reject });
    }) as Promise<Result>;
  }

  return {
    findByIds: (ids) => ask({ what: "findByIds", ids }),
    append: (append) => {
      const packed = packAppend(append);
      return ask({ what: "append", append: packed }, [packed.bytes.buffer]);
    },
    close: async () => {
      thread?.postMessage({ call: 0, ask: { what: "close" } } satisfies Question);
      await ended;
    },
  };
}
