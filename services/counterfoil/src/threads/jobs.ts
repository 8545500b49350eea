import { parentPort } from "node:worker_threads";
import { type Backends, connect } from "@counterfoil/adapters/connect";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { createLogger, startTracing } from "@counterfoil/adapters/telemetry";
import { createGate } from "@counterfoil/adapters/waiting";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { sampleLog } from "@counterfoil/http/request-log";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { describeDifferences } from "@counterfoil/processing/generations/compare";
import {
  catchUpUnattended,
  rebuildLocked,
  rollbackModel,
} from "@counterfoil/processing/generations/rebuild";
import { readWhole } from "@counterfoil/processing/ingest/request";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { recordAction } from "@counterfoil/processing/operator";
import {
  createUpgrade,
  type ProjectorEvent,
  startProjector,
} from "@counterfoil/projector/projector";
import { BUILD } from "../program.ts";
import { startHeads } from "../service/heads.ts";
import type {
  FactsQuestion,
  FeedQuestion,
  ReadAnswer,
  ReadMessage,
  ReadQuestion,
} from "./reading.ts";
import type { RebuildDone, RebuildMessage } from "./rebuilds.ts";
import {
  type ModelJob,
  type ReadingJob,
  type RebuildJob,
  type ServiceJob,
  STOP,
  type ThreadJob,
} from "./supervise.ts";

/** Works at a thread's job until it is done, or until the main thread asks it to stop. */
export function runJob(job: ThreadJob): Promise<void> {
  switch (job.kind) {
    case "projector":
      return project(job);
    case "publisher":
      return publish(job);
    case "rebuild":
      return rebuild(job);
    case "readers":
      return answerReaders(job);
    case "reading":
      return readBody(job);
  }
}

/** Whatever is sent here asks the thread to stop. */
const whenAsked = (stop: () => void) => parentPort?.once("message", stop);
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
  whenAsked(async () => {
    await projector.stop();
    events.flush();
    await backends.close();
    await stopTracing();
  });
}

async function publish({ config }: ServiceJob): Promise<void> {
  // Only here: the other threads, of which there are four, do without it and the Kafka client.
  const { startPublisher } = await import("@counterfoil/publisher/publisher");
  const { openTopics } = await import("@counterfoil/adapters/kafka/topics");
  const logger = createLogger({ role: "publisher", level: config.COUNTERFOIL_LOG_LEVEL });
  const backends = await connect(config, "read");
  const topics = openTopics(config, logger);
  const stopTracing = await startTracing({ role: "publisher", logger });
  const publisher = startPublisher({ backends, topics, logger, report: send });
  whenAsked(async () => {
    await publisher.stop();
    await backends.close();
    await stopTracing();
  });
}

/** Rebuilds one model, or goes back. The main thread holds the model's rebuild lock. */
async function rebuild(job: RebuildJob): Promise<void> {
  const stopping = new AbortController();
  const report = (message: RebuildMessage) => send(message);
  whenAsked(() => stopping.abort());
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
    await recordAction(backends, { action: "rollback", target: model, actor });
    const { generation } = goal;
    const { rebuilt } = await rollbackModel({ ...backends, projection, build: BUILD, generation });
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

/** Answers reading routes until it is asked to stop, and then what is under way. */
async function answerReaders({ config }: ServiceJob): Promise<void> {
  const { createGatewayFeed, createReadingApp, forwardedHeaders } = await import(
    "@counterfoil/gateway/gateway"
  );
  const { NOBODY } = await import("@counterfoil/gateway/access");
  const { serveModels } = await import("@counterfoil/processing/queries/serving");
  const logger = createLogger({ role: "gateway", level: config.COUNTERFOIL_LOG_LEVEL });
  const backends = await connect(config, "read");
  const models = serveModels(backends);
  const heads = createHeads(backends);
  const schedule = startHeads({ config, heads, clock: backends.clock, logger });
  const app = await createReadingApp({
    config,
    ...backends,
    models,
    heads,
    rebuilds: NO_REBUILDS,
    logger,
  });
  const feed = createGatewayFeed({ ...backends, models, logger }, (message) =>
    parentPort?.postMessage({ feed: message } satisfies ReadAnswer, [
      message.bytes.buffer as ArrayBuffer,
    ]),
  );
  const working = new Set<Promise<void>>();
  const turns = createTurns(ANSWERS_AT_ONCE);

  async function answer({ call, url, caller, requestId }: ReadQuestion): Promise<void> {
    try {
      const headers = forwardedHeaders(caller, requestId);
      // As a stream its bytes are made once, and handed over: as a whole it makes three copies.
      const question = { method: "GET", url, headers, payloadAsStream: true } as const;
      const { statusCode: status, stream, ...answered } = await app.inject(question);
      const body = await bytesOf(stream());
      const answer = { status, headers: passedOn(answered.headers), body };
      parentPort?.postMessage({ call, answer } satisfies ReadAnswer, [body.buffer as ArrayBuffer]);
    } catch (error) {
      send({ call, failed: String(error) } satisfies ReadAnswer);
    }
  }

  parentPort?.on("message", async (message: ReadQuestion | FeedQuestion | typeof STOP) => {
    if (message !== STOP && "feed" in message) return feed.tell(message.feed);
    if (message !== STOP) {
      const done = isWaitingAllowed(message) ? answer(message) : turns.take(() => answer(message));
      working.add(done);
      return void done.finally(() => working.delete(done));
    }
    await feed.stop();
    await turns.whenIdle();
    await app.close();
    await schedule.stop();
    await Promise.all(working);
    await models.close();
    await backends.close();
    parentPort?.close();
  });
  const headers = questionHeaders(NOBODY, "first");
  for (const url of FIRST_ASKED) await app.inject({ method: "GET", url, headers });
  send({ ready: true } satisfies ReadAnswer);
}

/**
 * What the console's start page asks. The first answers of a thread open its connections, and load
 * and compile whatever makes them: a quarter of a second, which nobody is to wait for.
 */
const FIRST_ASKED = [
  "/v1/totals",
  "/v1/anomalies?kind=gap&open=true",
  "/v1/events?type=ModelActivated&order=desc",
];

/**
 * Answers that are made at once: each holds some megabytes of rows and text until it is sent, and
 * the thread makes one after the other anyway. On PostgreSQL as many are asked for at once.
 */
const ANSWERS_AT_ONCE = 8;

/** Whoever may wait for a position holds up nobody meanwhile; snapshots of a model are bounded by themselves. */
const isWaitingAllowed = ({ url }: ReadQuestion): boolean =>
  /[?&](?:min_position|at_position|known_at)=/.test(url);

/** Rebuilds are asked of the main thread. */
const onlyReads = () => Promise.reject(new Error("this thread only reads"));

const NO_REBUILDS = {
  start: onlyReads,
  rollBack: onlyReads,
  generations: onlyReads,
  progress: () => null,
};

/** The bytes of an answer, in memory that is theirs alone: what others share cannot be handed over. */
export async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const parts = await Array.fromAsync(chunks);
  const [only] = parts;
  const whole = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  return whole.byteLength === whole.buffer.byteLength ? whole : new Uint8Array(whole);
}

const PASSED_ON = [
  ...["content-type", "content-disposition", "x-content-type-options"],
  ...["cache-control", "link", "retry-after"],
];

function passedOn(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = PASSED_ON.filter((name) => headers[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, String(headers[name])]));
}

/** Reads one large body, and hands out its facts until it is ended. */
async function readBody({ source }: ReadingJob): Promise<void> {
  const options = { translations: TRANSLATIONS, hashing: nodeHashing };
  const { facts, close: _, ...read } = readWhole(source, options);
  send(read satisfies ReadMessage);
  parentPort?.on("message", async ({ from, upTo }: FactsQuestion) => send(await facts(from, upTo)));
}

type Commit = Extract<ProjectorEvent, { kind: "commit" }>;

/** Often enough for metrics, seldom enough to cost the main thread nothing. */
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
      if (event.kind === "state") {
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

type Turns = Readonly<{
  /** Does the work once fewer than the bound are at theirs, in the order in which they came. */
  take: <T>(work: () => Promise<T>) => Promise<T>;
  /** Nobody is at work, and nobody waits. */
  whenIdle: () => Promise<void>;
}>;

/** Lets so many be at work at once. */
export function createTurns(atOnce: number): Turns {
  const inTurn = createGate(atOnce);
  const present = new Set<Promise<unknown>>();
  return {
    take(work) {
      const done = inTurn(work);
      const ended = done.catch(() => {}).finally(() => present.delete(ended));
      present.add(ended);
      return done;
    },
    async whenIdle() {
      while (present.size > 0) await Promise.all(present);
    },
  };
}
