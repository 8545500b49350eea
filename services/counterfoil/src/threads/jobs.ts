import { parentPort, workerData } from "node:worker_threads";
import { type Backends, connect } from "@counterfoil/adapters/connect";
import { createGate } from "@counterfoil/adapters/gate";
import { createLogger } from "@counterfoil/adapters/log";
import { collectWhenAsked } from "@counterfoil/adapters/node/garbage";
import { startTracing } from "@counterfoil/adapters/tracing";
import type { createReadingApp, forwardedHeaders } from "@counterfoil/gateway/gateway";
import { sampleLog } from "@counterfoil/http/request-log";
import { SHARED_PAGE } from "@counterfoil/processing/audit/audit-index";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { describeDifferences } from "@counterfoil/processing/generations/compare";
import {
  catchUpUnattended,
  rebuildLocked,
  rollbackModel,
  rollbackTarget,
} from "@counterfoil/processing/generations/rebuild";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { recordAction } from "@counterfoil/processing/operator";
import {
  createUpgrade,
  type ProjectorEvent,
  startProjector,
} from "@counterfoil/projector/projector";
import { BUILD } from "../program.ts";
import { startHeads } from "../service/heads.ts";
import type { RebuildDone, RebuildMessage } from "./rebuilds.ts";
import {
  type FeedRequest,
  type ModelJob,
  type ReadRequest,
  type ReadResponse,
  type RebuildJob,
  type ServiceJob,
  STOP,
  type ThreadJob,
} from "./supervise.ts";

/** Runs a thread's job until it is done, or until the main thread stops it. */
function runJob(job: ThreadJob): Promise<void> {
  collectWhenAsked();
  switch (job.kind) {
    case "projector":
      return project(job);
    case "publisher":
      return publish(job);
    case "rebuild":
      return rebuild(job);
    case "readers":
      return answerReaders(job);
  }
}

/** Calls `stop` at the first message: these jobs receive no other one. */
const onStop = (stop: () => void) => parentPort?.once("message", stop);
const send = (message: unknown) => parentPort?.postMessage(message);

/** Projects one model. */
async function project({ config, model }: ModelJob): Promise<void> {
  const logger = createLogger({ role: "projector", level: config.COUNTERFOIL_LOG_LEVEL });
  const backends = await connect(config, "read");
  const stopTracing = await startTracing({ role: "projector", logger });
  const events = collectCommits(send);
  const openForWriting = () => connect(config, "write");
  const projector = startProjector({
    backends,
    models: [model],
    logger,
    upgrade: createUpgrade({ openForWriting, build: BUILD, logger }),
    report: events.report,
    warn: sampleLog({ logger, clock: backends.clock }),
  });
  onStop(async () => {
    await projector.stop();
    events.flush();
    await backends.close();
    await stopTracing();
  });
}

async function publish({ config }: ServiceJob): Promise<void> {
  // Loaded on demand: the other four threads do not need the publisher and the Kafka client.
  const { startPublisher } = await import("@counterfoil/publisher/publisher");
  const { openTopics } = await import("@counterfoil/adapters/kafka/topics");
  const logger = createLogger({ role: "publisher", level: config.COUNTERFOIL_LOG_LEVEL });
  const backends = await connect(config, "read");
  const topics = openTopics(config, logger);
  const stopTracing = await startTracing({ role: "publisher", logger });
  const publisher = startPublisher({ backends, topics, logger, report: send });
  onStop(async () => {
    await publisher.stop();
    await backends.close();
    await stopTracing();
  });
}

/** Rebuilds one model, or rolls it back. The main thread holds the model's rebuild lock. */
async function rebuild(job: RebuildJob): Promise<void> {
  const stopping = new AbortController();
  const report = (message: RebuildMessage) => send(message);
  onStop(() => stopping.abort());
  const backends = await connect(job.config, "write");
  try {
    report({ kind: "done", ...(await reachGoal(job, backends, stopping.signal)) });
  } catch (error) {
    report({ kind: "failed", detail: error instanceof Error ? error.message : String(error) });
  } finally {
    await backends.close();
    parentPort?.close();
  }
}

async function reachGoal(
  { goal, model, actor }: RebuildJob,
  backends: Backends,
  signal: AbortSignal,
): Promise<Omit<RebuildDone, "kind">> {
  const projection = PROJECTIONS[model];
  if (goal.kind === "kept") {
    const generation = await rollbackTarget({ ...backends, projection }, goal.generation);
    await recordAction(backends, { action: "rollback", target: model, actor });
    const options = { ...backends, projection, build: BUILD, signal };
    const { rebuilt } = await rollbackModel({ ...options, generation });
    await catchUpUnattended(backends, projection);
    return { outcome: "activated", position: rebuilt.position, detail: null };
  }
  await recordAction(backends, { action: "rebuild", target: model, actor });
  const { outcome, rebuilt, differences } = await rebuildLocked({
    ...{ backends, projection, build: BUILD, signal },
    onProgress: (step) => send({ kind: "step", step } satisfies RebuildMessage),
  });
  const detail = outcome === "refused" ? describeDifferences(differences) : null;
  return { outcome, position: rebuilt.position, detail };
}

/** Answers reading routes until it is stopped, and finishes pending requests before it ends. */
async function answerReaders({ config }: ServiceJob): Promise<void> {
  const { createGatewayFeed, createReadingApp, forwardedHeaders } = await import(
    "@counterfoil/gateway/gateway"
  );
  const { ANONYMOUS } = await import("@counterfoil/gateway/access");
  const { serveModels } = await import("@counterfoil/processing/queries/serving");
  const logger = createLogger({ role: "gateway", level: config.COUNTERFOIL_LOG_LEVEL });
  const backends = await connect(config, "read");
  const models = serveModels(backends);
  const heads = createHeads({ ...backends, page: SHARED_PAGE });
  const schedule = startHeads({ config, heads, clock: backends.clock, logger });
  const sources = { config, ...backends, models, heads, rebuilds: NO_REBUILDS, logger };
  const app = await createReadingApp(sources);
  const feed = createGatewayFeed({ ...backends, models, logger }, (message) =>
    transfer({ feed: message }, message.bytes),
  );
  const answers = createAnswers(app, forwardedHeaders);
  parentPort?.on("message", async (message: ReadRequest | FeedRequest | typeof STOP) => {
    if (message !== STOP) {
      if ("feed" in message) feed.tell(message.feed);
      else answers.add(message);
      return;
    }
    await feed.stop();
    await answers.whenIdle();
    await app.close();
    await schedule.stop();
    await answers.whenSent();
    await models.close();
    await backends.close();
    parentPort?.close();
  });
  const isBuilt = await models.info("balances").catch(() => null);
  if (isBuilt !== null) await warmUp(app, forwardedHeaders(ANONYMOUS, "warm-up"));
  send({ ready: true } satisfies ReadResponse);
}

/** Sends bytes to the main thread without a copy. */
const transfer = (response: ReadResponse, bytes: Uint8Array) =>
  parentPort?.postMessage(response, [bytes.buffer as ArrayBuffer]);

type ReadingApp = Awaited<ReturnType<typeof createReadingApp>>;
type Headers = Readonly<Record<string, string>>;

/** The answers that are being made; at most some at once, unless they wait for a position. */
function createAnswers(app: ReadingApp, headersFor: typeof forwardedHeaders) {
  const pending = new Set<Promise<void>>();
  const limiter = createLimiter(CONCURRENT_ANSWERS_MAX);

  async function answer({ call, url, caller, requestId }: ReadRequest): Promise<void> {
    try {
      const headers = headersFor(caller, requestId);
      // The payload as a stream is transferred without a copy; as a whole it is copied three times.
      const request = { method: "GET", url, headers, payloadAsStream: true } as const;
      const { statusCode: status, stream, ...response } = await app.inject(request);
      const body = await bytesOf(stream());
      const answer = { status, headers: forwardedHeadersOf(response.headers), body };
      transfer({ call, answer }, body);
    } catch (error) {
      send({ call, failed: String(error) } satisfies ReadResponse);
    }
  }

  return {
    add(request: ReadRequest): void {
      const done = mayWait(request) ? answer(request) : limiter.run(() => answer(request));
      pending.add(done);
      void done.finally(() => pending.delete(done));
    },
    /** Resolves when only requests that wait for a position are left. */
    whenIdle: limiter.whenIdle,
    whenSent: () => Promise.all(pending),
  };
}

async function warmUp(app: ReadingApp, headers: Headers): Promise<void> {
  for (const url of FIRST_REQUESTS) {
    // If the thread is stopped meanwhile, its app refuses further requests.
    await app.inject({ method: "GET", url, headers }).catch(() => undefined);
  }
}

/**
 * Requests of the console's start page. The first answers of a thread open its connections and load
 * and compile the code behind them, which takes a quarter of a second; no reader should wait for it.
 * A ledger whose models are not built yet has nothing to warm up, and would log refusals.
 */
const FIRST_REQUESTS = [
  "/v1/totals",
  "/v1/anomalies?kind=gap&open=true",
  "/v1/events?type=ModelActivated&order=desc",
];

/**
 * Answers that are made concurrently: each holds some megabytes of rows and text until it is sent, and
 * more would not be faster on one thread. On PostgreSQL this is also the number of concurrent queries.
 */
const CONCURRENT_ANSWERS_MAX = 8;

/** Requests that may wait for a position do not count, so that they do not delay others meanwhile. */
const mayWait = ({ url }: ReadRequest): boolean =>
  /[?&](?:min_position|at_position|known_at)=/.test(url);

/** Rebuilds are run by the main thread. */
const onlyReads = () => Promise.reject(new Error("this thread only reads"));

const NO_REBUILDS = {
  start: onlyReads,
  rollBack: onlyReads,
  generations: onlyReads,
  progress: () => null,
};

/** The bytes of an answer in a buffer of their own: a shared buffer cannot be transferred. */
export async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const parts = await Array.fromAsync(chunks);
  const [only] = parts;
  const whole = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  return whole.byteLength === whole.buffer.byteLength ? whole : new Uint8Array(whole);
}

const FORWARDED_HEADERS = [
  ...["content-type", "content-disposition", "x-content-type-options"],
  ...["cache-control", "link", "retry-after"],
];

function forwardedHeadersOf(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const names = FORWARDED_HEADERS.filter((name) => headers[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]));
}

type Commit = Extract<ProjectorEvent, { kind: "commit" }>;

/** Often enough for metrics, and rare enough to cost the main thread almost nothing. */
const SEND_EVERY_MS = 100;

/** Sums up the commits of one model before they are sent to another thread. */
export function collectCommits(send: (event: ProjectorEvent) => void) {
  let collected: Commit | null = null;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (collected !== null) send(collected);
    collected = null;
  }

  return {
    report(event: ProjectorEvent): void {
      if (event.kind !== "commit") {
        flush();
        send(event);
        return;
      }
      collected = {
        ...event,
        commits: event.commits + (collected?.commits ?? 0),
        events: event.events + (collected?.events ?? 0),
      };
      timer ??= setTimeout(flush, SEND_EVERY_MS);
    },
    flush,
  };
}

type Limiter = Readonly<{
  /** Runs the work once fewer than the maximum are running, in the order of the calls. */
  run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Resolves when no work runs or waits. */
  whenIdle: () => Promise<void>;
}>;

/** Limits how much work runs concurrently. */
export function createLimiter(concurrentMax: number): Limiter {
  const runLimited = createGate(concurrentMax);
  const pending = new Set<Promise<unknown>>();
  return {
    run(work) {
      const done = runLimited(work);
      const ended = done.catch(() => {}).finally(() => pending.delete(ended));
      pending.add(ended);
      return done;
    },
    async whenIdle() {
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}

if (import.meta.main) await runJob(workerData as ThreadJob);
