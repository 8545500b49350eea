import { SECOND } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { keptHeads } from "../audit/heads.ts";
import { followActivations } from "../generations/activations.ts";
import type { Clock } from "../ports/clock.ts";
import { isEngineError, LedgerMismatch } from "../ports/errors.ts";
import { type EventStream, waitForMore } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { createBackoff } from "../ports/retry.ts";
import type { RoleLocks } from "../ports/role-locks.ts";
import {
  BrokersDisagree,
  NotAuthorized,
  RecordTooLarge,
  TopicMisconfigured,
  type TopicPublisher,
  type Topics,
  TopicsUnavailable,
} from "../ports/topics.ts";
import {
  createTraces,
  NO_TRACING,
  type Traces,
  type Tracing,
  traceStep,
} from "../ports/tracing.ts";
import { openReaders } from "../queries/serving.ts";
import {
  type Batch,
  batchMessages,
  type Published,
  readAfterCheckpoint,
  readBatch,
  type TransactionLimits,
} from "./batch.ts";
import { checkFactsAreThere, restoreLost } from "./lost-topics.ts";
import {
  findSwitches,
  publishSwitch,
  type Republished,
  type Republishing,
  republishResumed,
} from "./republish.ts";
import { type Publishing, publishAccepted, retryFacts } from "./stopped-keys.ts";
import { watchStopped, withStopped } from "./stopped-subjects.ts";
import { openSubjectCounts, type SubjectCounts, storeRefusal } from "./subject-counts.ts";
import {
  formatCheckpoint,
  headMessage,
  type PublisherCheckpoint,
  parseCheckpoint,
  type StoppedKey,
  withModel,
} from "./topic-format.ts";

export type PublisherOptions = Readonly<{
  ledger: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  topics: Topics;
  hashing: Hashing;
  clock: Clock;
  limits?: TransactionLimits;
  observer?: PublisherObserver;
  tracing?: Tracing;
}>;

/** Receives reports of a publisher. */
type PublisherObserver = Readonly<{
  onState?: (state: PublisherState) => void;
  /** `stoppedKeys`: the number of keys with records that the broker refuses. */
  onCommit?: (published: Published, stoppedKeys: number) => void;
  /** `position`: that of the checkpoint at opening. */
  onOpen?: (position: number, stoppedKeys: number) => void;
  onStopped?: Publishing["onStopped"];
  onRetry?: (interruption: Interruption) => void;
}>;

/** A transient error, the pause before the retry, and the publisher's progress. */
export type Interruption = Readonly<{
  error: unknown;
  pauseMs: number;
  /** The last published position; null until a checkpoint has been read. */
  position: number | null;
  /** The stream's head position; null if the stream cannot be read either. */
  head: number | null;
}>;

export type PublisherState =
  | "waiting_for_lock"
  | "opening"
  | "catching_up"
  /** Everything is published. */
  | "live"
  /** A read model has not projected the next events. */
  | "waiting_for_models"
  | "unavailable"
  /** Until an operator has corrected what the log names; retried like what is unavailable. */
  | "refused";

/** Between looks whether a model has projected the next events. */
const MODEL_POLL = { delayMsMin: 10, delayMsMax: 1000 } as const;
/** How often new signed heads are looked for. */
const HEADS_INTERVAL = SECOND;
const HEADS_BATCH = 100;
const RETRY = { delayMsMin: 500, delayMsMax: 30_000 } as const;

/**
 * Publishes a ledger until the signal aborts: acquires the publisher's lock and follows the stream and
 * the read models from the last committed checkpoint. While the broker or an engine is unavailable it
 * retries, and buffers nothing in memory.
 *
 * @throws PublisherFenced, RecordTooLarge, TopicMisconfigured, StreamForked, LedgerMismatch and
 *   programming errors; transient errors are retried
 */
export async function runPublisher(options: PublisherOptions, signal: AbortSignal): Promise<void> {
  const { stream, locks, clock, observer } = options;
  observer?.onState?.("waiting_for_lock");
  const lock = await locks.acquire("publisher", signal);
  if (lock === null) return;
  const stopSignal = AbortSignal.any([signal, lock.lost]);
  const backoff = createBackoff(RETRY);
  let position: number | null = null;
  try {
    while (!stopSignal.aborted) {
      const { error, steps, publishedTo } = await publishUntilError(options, stopSignal);
      if (error === null) continue;
      observer?.onState?.(error instanceof NotAuthorized ? "refused" : "unavailable");
      position = publishedTo ?? position;
      if (steps > 0) backoff.reset();
      const pauseMs = backoff.next();
      observer?.onRetry?.({ error, pauseMs, position, head: await headPosition(stream) });
      await clock.sleep(pauseMs, stopSignal);
    }
  } finally {
    await lock.release();
  }
}

const headPosition = (stream: EventStream): Promise<number | null> =>
  stream.head().then(
    ({ position }) => position,
    () => null,
  );

/** The progress of one attempt. */
type Progress = { steps: number; publishedTo: number | null };

/** @returns the transient error; null if the signal aborted */
async function publishUntilError(options: PublisherOptions, signal: AbortSignal) {
  const progress: Progress = { steps: 0, publishedTo: null };
  try {
    await publishFromCheckpoint(options, signal, progress);
    return { error: null, ...progress };
  } catch (error) {
    if (isRefusal(error)) {
      // Unless the engine is unavailable too, which says so itself.
      await storeRefusal(options.catalogue).catch((reason: unknown) => {
        if (!isEngineError(reason)) throw reason;
      });
    }
    if (!(error instanceof TopicsUnavailable) && !isEngineError(error)) throw error;
    return { error, ...progress };
  }
}

const REFUSALS = [
  BrokersDisagree,
  NotAuthorized,
  RecordTooLarge,
  TopicMisconfigured,
  LedgerMismatch,
];

/** Whether nothing is published until an operator corrects what the error names. */
export const isRefusal = (error: unknown): boolean =>
  REFUSALS.some((kind) => error instanceof kind);

async function publishFromCheckpoint(
  options: PublisherOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { topics, observer } = options;
  observer?.onState?.("opening");
  const publisher = await topics.open();
  try {
    const onStopped = observer?.onStopped;
    const session = await openSession({ ...options, publisher, onStopped });
    try {
      progress.publishedTo = session.position;
      observer?.onOpen?.(session.position, session.stoppedKeys);
      await follow(options, session, { signal, progress });
    } finally {
      await session.close();
    }
  } finally {
    await publisher.close();
  }
}

async function follow(
  { stream, clock, observer }: PublisherOptions,
  session: PublishSession,
  { signal, progress }: Readonly<{ signal: AbortSignal; progress: Progress }>,
): Promise<void> {
  const modelPoll = createBackoff(MODEL_POLL);
  let state: PublisherState | null = null;
  const setState = (next: PublisherState) => {
    if (state !== next) observer?.onState?.(next);
    state = next;
  };
  const reportCommit = (published: Published) => {
    progress.steps += 1;
    progress.publishedTo = published.position;
    observer?.onCommit?.(published, session.stoppedKeys);
  };
  let headsDueAt = clock.now();
  setState("catching_up");
  while (!signal.aborted) {
    if (clock.now() >= headsDueAt) {
      headsDueAt = clock.now() + HEADS_INTERVAL;
      const heads = await session.publishHeads();
      if (heads !== null) reportCommit(heads);
    }
    const published = await session.step();
    if (published !== null) {
      reportCommit(published);
      modelPoll.reset();
      if (state === "waiting_for_models") setState("catching_up");
      continue;
    }
    const { position } = session;
    if ((await stream.head()).position > position) {
      const pauseMs = modelPoll.next();
      if (pauseMs >= MODEL_POLL.delayMsMax) setState("waiting_for_models");
      await clock.sleep(pauseMs, signal);
    } else {
      setState("live");
      await waitForMore({ stream, clock }, position, signal);
      modelPoll.reset();
    }
  }
}

type SessionOptions = Readonly<{
  ledger: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  publisher: TopicPublisher;
  hashing: Hashing;
  limits?: TransactionLimits;
  onStopped?: Publishing["onStopped"];
  tracing?: Tracing;
}>;

const LIMITS: TransactionLimits = { count: 2000, bytes: 8 * 1024 * 1024 };

/** An open publisher that continues from the last committed checkpoint. */
export interface PublishSession {
  readonly position: number;
  /** The number of keys with records that the broker refuses. */
  readonly stoppedKeys: number;
  /** Publishes the next transaction; null if there is nothing to publish yet. */
  step(): Promise<Published | null>;
  /** Publishes the new signed heads, each tree size once; null if there are none. */
  publishHeads(): Promise<Published | null>;
  close(): Promise<void>;
}

type Session = Readonly<{ counts: SubjectCounts; tracing: Tracing; traces: Traces }> &
  Omit<Republishing, "checkpoint"> & { checkpoint: PublisherCheckpoint; isFirstCheck: boolean };

/** @throws StreamForked, LedgerMismatch, FormatTooNew, and engine errors */
export async function openSession(options: SessionOptions): Promise<PublishSession> {
  const { session, close } = await openAtCheckpoint(options);
  let stored: number | null = null;
  const storeStoppedKeys = async () => {
    const { length } = session.checkpoint.stopped;
    if (length !== stored) await session.counts.storeStoppedKeys(length);
    stored = length;
  };
  let isAccepted = false;
  try {
    await storeStoppedKeys();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get position() {
      return session.checkpoint.position;
    },
    get stoppedKeys() {
      return session.checkpoint.stopped.length;
    },
    async step() {
      const published = await takeStep(session);
      await storeStoppedKeys();
      // Not at opening: what cannot be written can often be read.
      if (!isAccepted) await session.counts.storeAccepted();
      isAccepted = true;
      return published;
    },
    publishHeads: () => publishHeads(session),
    close,
  };
}

/** Opens what the publisher reads, and publishes again what was stopped or lost before it continues. */
async function openAtCheckpoint(options: SessionOptions) {
  const { ledger, stream, catalogue, publisher, hashing, onStopped, limits = LIMITS } = options;
  const published = parseCheckpoint(publisher.checkpoint, ledger);
  checkFactsAreThere(published, publisher);
  // Check for a fork before subjects are counted from the wrong stream.
  await readAfterCheckpoint(stream, published, 0);
  const publishing = { publisher, hashing, onStopped };
  const retried = await retryFacts({ ...publishing, stream, limits }, published);
  const activations = followActivations(stream);
  await activations.refresh();
  const counts = await openSubjectCounts({ catalogue, stream, hashing }, retried);
  const readers = openReaders(catalogue);
  const context = { stream, catalogue, readers, activations, limits };
  const close = () => counts.close().finally(readers.close);
  const checkpoint = await restoreLost(context, retried, publisher).catch(async (error) => {
    await close();
    throw error;
  });
  const stopped = watchStopped(checkpoint.models);
  const session: Session = {
    ...{ ...publishing, context, counts, stopped, checkpoint },
    ...{ tracing: options.tracing ?? NO_TRACING, traces: createTraces() },
    isFirstCheck: true,
  };
  return { session, close };
}

/** Publishes, in this order, a switch of generations, resumed subjects, or the next events. */
async function takeStep(session: Session): Promise<Published | null> {
  const { context, checkpoint, isFirstCheck } = session;
  const { ready, isWaiting, started } = await findSwitches(context, checkpoint, isFirstCheck);
  for (const { model, version } of started) {
    session.checkpoint = withModel(session.checkpoint, model, { version });
  }
  const [first] = ready;
  if (first !== undefined) return advance(session, await publishSwitch(session, first));
  if (isWaiting) return null;
  session.isFirstCheck = false;
  const resumed = await republishResumed(session);
  if (resumed !== null) return advance(session, resumed);
  const batch = await readBatch(session);
  return batch && publishBatch(session, batch);
}

function advance(session: Session, { published, checkpoint }: Republished): Published {
  session.checkpoint = checkpoint;
  return published;
}

async function publishBatch(session: Session, batch: Batch): Promise<Published | null> {
  const { context, counts, checkpoint, traces } = session;
  const { events } = batch;
  const last = events.at(-1);
  if (last === undefined) return null;
  const { position, hash } = last;
  const numbers = await counts.numberEvents(events);
  traces.note(events);
  const records = batchMessages(batch, checkpoint, numbers, traces);
  const nextOf = (stopped: readonly StoppedKey[]) =>
    withStopped({ ...checkpoint, position, hash, stopped }, session.stopped, batch.changes);
  session.checkpoint = await traceStep(session, "publish", events, () =>
    publishAccepted(session, records, checkpoint, nextOf),
  );
  await counts.commit({ position, hash });
  if (events.some(({ type }) => type === "ModelActivated")) await context.activations.refresh();
  return { position, messages: records.length, facts: events.length };
}

async function publishHeads(session: Session): Promise<Published | null> {
  const { context, checkpoint, publisher } = session;
  const heads = await keptHeads(context.catalogue, checkpoint.heads, HEADS_BATCH);
  const last = heads.at(-1);
  if (last === undefined) return null;
  const next = { ...checkpoint, heads: Number(last.position) };
  const records = heads.map(headMessage);
  await publisher.publish({ records, checkpoint: formatCheckpoint(next) });
  session.checkpoint = next;
  return { position: checkpoint.position, messages: records.length, facts: 0 };
}
