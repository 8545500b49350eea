import { flushCompileCache } from "node:module";
import { type ResourceLimits, Worker, type WorkerOptions } from "node:worker_threads";
import { forwardLines } from "@counterfoil/adapters/log";
import { createPendingCalls } from "@counterfoil/adapters/pending-calls";
import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { Readers } from "@counterfoil/gateway/gateway";
import type { ForwardedAnswer, ForwardedRequest } from "@counterfoil/gateway/route";
import type { FeedCommand, FeedMessage } from "@counterfoil/processing/changes/feed";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { createBackoff } from "@counterfoil/processing/ports/retry";
import type { ProjectorEvent } from "@counterfoil/projector/projector";
import type { PublisherEvent } from "@counterfoil/publisher/publisher";
import type { Logger } from "pino";

/** The job of a worker thread; plain data. */
export type ThreadJob = ModelJob | RebuildJob | ServiceJob;
export type ModelJob = Readonly<{ kind: "projector"; config: Config; model: ModelName }>;
/** `actor`: who started it; `goal`: the next generation, or a kept one. */
export type RebuildJob = Readonly<{
  kind: "rebuild";
  config: Config;
  model: ModelName;
  actor: string;
  goal: RebuildGoal;
}>;
export type RebuildGoal =
  | Readonly<{ kind: "next" }>
  | Readonly<{ kind: "kept"; generation: number }>;
export type ServiceJob = Readonly<{ kind: "publisher" | "readers"; config: Config }>;

/** Sent to stop a thread; it commits its current work and ends by itself. */
export const STOP = "stop";

/**
 * Limits for long-lived threads, which produce little garbage at a time: with the default young
 * generation four projectors hold 130 MB more, and are no faster. Without a limit the heap of a thread
 * may grow to four gigabytes, whatever the memory limit of the process is.
 */
const LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 256 };

/** Starts a worker thread that does a job. */
export function spawnThread(job: ThreadJob): Worker {
  const name = "model" in job ? `${job.kind}-${job.model}` : job.kind;
  return startThread("./jobs.ts", { workerData: job, name, resourceLimits: LIMITS });
}

/** The compile cache is written first, so that the thread can use it. */
export function startThread(file: string, options: WorkerOptions): Worker {
  flushCompileCache();
  const thread = new Worker(new URL(file, import.meta.url), { ...options, stdout: true });
  forwardLines(thread.stdout);
  return thread;
}

type SupervisedThread = Readonly<{
  /** Stops the thread, and terminates it if it has not ended after 5 s. */
  stop: () => Promise<void>;
}>;

type SuperviseOptions<Message> = Readonly<{
  create: () => Worker;
  onMessage: (message: Message) => void;
  /** Called when the thread ended without being stopped. */
  onCrash?: () => void;
  clock: Clock;
  logger: Logger;
}>;

const RESTART = { delayMsMin: 500, delayMsMax: 30_000 } as const;
/** After a thread that lived this long, the backoff starts over. */
const STABLE_MS = 60_000;
const STOP_GRACE_MS = 5_000;

/** Keeps a thread running: one that ends is restarted, with backoff. */
export function superviseThread<Message>(options: SuperviseOptions<Message>): SupervisedThread {
  const { clock, logger } = options;
  const stopping = new AbortController();
  const running = (async () => {
    const backoff = createBackoff(RESTART);
    for (;;) {
      const { error, livedMs } = await runThread(options, stopping.signal);
      if (stopping.signal.aborted) return;
      if (livedMs >= STABLE_MS) backoff.reset();
      const pauseMs = backoff.next();
      options.onCrash?.();
      logger.error({ err: error, pause_ms: pauseMs }, "thread ended, it is started again");
      await clock.sleep(pauseMs, stopping.signal);
      if (stopping.signal.aborted) return;
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

type End = Readonly<{ error: unknown; livedMs: number }>;

async function runThread<Message>(
  { create, onMessage, clock }: SuperviseOptions<Message>,
  signal: AbortSignal,
): Promise<End> {
  const startedMs = performance.now();
  const thread = create();
  const { promise: ended, resolve } = Promise.withResolvers<End>();
  const end = (error: unknown) => resolve({ error, livedMs: performance.now() - startedMs });
  thread.on("message", onMessage);
  thread.once("error", end);
  thread.once("exit", (code) => end(new Error(`the thread ended with code ${code}`)));
  const stop = () => void stopThread(thread, ended, clock);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await ended;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Asks a thread to end, and terminates it if it does not. */
export async function stopThread(
  thread: Worker,
  ended: Promise<unknown>,
  clock: Clock,
): Promise<void> {
  const done = new AbortController();
  thread.postMessage(STOP);
  void ended.then(() => done.abort());
  await clock.sleep(STOP_GRACE_MS, done.signal);
  if (!done.signal.aborted) await thread.terminate();
}

type ThreadsDeps<Event> = Readonly<{
  config: Config;
  clock: Clock;
  logger: Logger;
  report: (event: Event) => void;
}>;

/**
 * Projects every model on its own thread, apart from the event loop that answers webhooks: one that
 * works for seconds, or crashes, delays neither an acknowledgement nor another model.
 */
export function startProjectorThreads(deps: ThreadsDeps<ProjectorEvent>): SupervisedThread {
  const threads = MODEL_NAMES.map((model) =>
    superviseJob(deps, {
      job: { kind: "projector", config: deps.config, model },
      name: `projector-${model}`,
      failed: { kind: "state", model, state: "failed" },
    }),
  );
  return {
    async stop() {
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}

/** Runs the publisher on its own thread, for the same reason. */
export function startPublisherThread(deps: ThreadsDeps<PublisherEvent>): SupervisedThread {
  return superviseJob(deps, {
    job: { kind: "publisher", config: deps.config },
    name: "publisher",
    failed: { kind: "state", state: "failed" },
  });
}

function superviseJob<Event>(
  { clock, logger, report }: ThreadsDeps<Event>,
  { job, name, failed }: Readonly<{ job: ThreadJob; name: string; failed: Event }>,
): SupervisedThread {
  return superviseThread({
    create: () => spawnThread(job),
    onMessage: report,
    onCrash: () => report(failed),
    clock,
    logger: logger.child({ thread: name }),
  });
}

export type ReadRequest = Readonly<{ call: number }> & ForwardedRequest;
/** A command for the feed of changes, of which there is one. */
export type FeedRequest = Readonly<{ feed: FeedCommand }>;
export type ReadResponse =
  | (Readonly<{ call: number }> &
      (Readonly<{ answer: ForwardedAnswer }> | Readonly<{ failed: string }>))
  | Readonly<{ feed: FeedMessage }>
  /** The thread has answered the requests of the console's start page once. */
  | Readonly<{ ready: true }>;

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
  const calls = createPendingCalls<ForwardedAnswer>();
  let thread: Worker | null = null;
  let feed: Readonly<{ send: (message: FeedMessage) => void; onEnd: () => void }> | null = null;

  function create(): Worker {
    thread = spawnThread({ kind: "readers", config });
    thread.once("exit", () => {
      markReady();
      thread = null;
      calls.rejectAll(threadEnded());
      feed?.onEnd();
    });
    return thread;
  }

  function onMessage(message: ReadResponse): void {
    if ("feed" in message) feed?.send(message.feed);
    else if ("ready" in message) markReady();
    else if ("answer" in message) calls.resolve(message.call, message.answer);
    else calls.reject(message.call, new Error(message.failed));
  }

  const supervised = superviseThread({
    create,
    onMessage,
    clock,
    logger: logger.child({ thread: "readers" }),
  });
  return {
    ready,
    async answer(request) {
      const asked = thread;
      if (asked === null) throw threadEnded();
      return calls.ask((call) => asked.postMessage({ call, ...request } satisfies ReadRequest));
    },
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
