import { Worker } from "node:worker_threads";
import {
  EventIdTaken,
  FormatTooNew,
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import type { AppendResult, KnownEvents } from "@counterfoil/processing/ports/event-stream";
import type { Append } from "./stream-events.ts";

/** What an ingestor does again and again, on a thread of its own. */
export type StreamThread = Readonly<{
  findByIds: (ids: readonly string[]) => Promise<KnownEvents>;
  append: (append: Append) => Promise<AppendResult>;
  close: () => Promise<void>;
}>;

/** What the event loop and the thread that writes the stream say to each other. */
export type StreamThreadData = Readonly<{ file: string; ledger: string }>;

export type Question = Readonly<{
  call: number;
  ask:
    | Readonly<{ what: "findByIds"; ids: readonly string[] }>
    | Readonly<{ what: "append"; append: Append }>
    | Readonly<{ what: "close" }>;
}>;

export type Answer = Readonly<{ call: number }> &
  (Readonly<{ result: KnownEvents | AppendResult }> | Readonly<{ error: PackedError }>);

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

  function fail(dead: Worker, cause: unknown): void {
    if (thread !== dead) return;
    const failed = [...pending.values()];
    pending.clear();
    thread = null;
    const error = new StreamUnavailable("the thread that writes the stream has ended", { cause });
    for (const { reject } of failed) reject(error);
  }

  function start(): Worker {
    const started = startWorker(data, pending);
    ended = new Promise((resolve) => started.once("exit", resolve));
    started.on("error", (error) => fail(started, error));
    started.on("exit", (code) => fail(started, `exit code ${code}`));
    return started;
  }

  function ask<Result>(question: Question["ask"]): Promise<Result> {
    thread ??= start();
    const call = ++calls;
    thread.postMessage({ call, ask: question } satisfies Question);
    return new Promise<KnownEvents | AppendResult>((resolve, reject) => {
      pending.set(call, { resolve, reject });
    }) as Promise<Result>;
  }

  return {
    findByIds: (ids) => ask({ what: "findByIds", ids }),
    append: (append) => ask({ what: "append", append: { ...append, bodies: copied(append) } }),
    close: async () => {
      thread?.postMessage({ call: 0, ask: { what: "close" } } satisfies Question);
      await ended;
    },
  };
}

/** A body is a part of the network chunk that it came in, all of which a message would take along. */
const copied = ({ bodies }: Append): Append["bodies"] =>
  bodies.map(({ sha256, bytes }) => ({ sha256, bytes: new Uint8Array(bytes) }));

function startWorker(workerData: StreamThreadData, pending: Map<number, Pending>): Worker {
  const worker = new Worker(new URL("./stream-thread.ts", import.meta.url), {
    workerData,
    name: "stream",
    // What it makes is garbage with the next append.
    resourceLimits: { maxYoungGenerationSizeMb: 12 },
  });
  worker.on("message", (answer: Answer) => {
    const asked = pending.get(answer.call);
    pending.delete(answer.call);
    if ("error" in answer) asked?.reject(unpackError(answer.error));
    else asked?.resolve(answer.result);
  });
  return worker;
}

/** An error on its way between threads, where its class would be lost. */
export type PackedError = Readonly<{ name: string; message: string; stack: string | undefined }>;

const CLASSES = [
  StreamUnavailable,
  StreamCorrupted,
  StreamMissing,
  LedgerMismatch,
  FormatTooNew,
  EventIdTaken,
];

export function packError(error: unknown): PackedError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { name, message, stack };
}

/** An error of the port keeps its class; any other becomes a plain one with the thread's stack. */
function unpackError({ name, message, stack }: PackedError): Error {
  const ErrorOfPort = CLASSES.find((each) => each.name === name) ?? Error;
  const error = new ErrorOfPort(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
