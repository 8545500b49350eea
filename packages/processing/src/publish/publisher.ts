import { SECOND } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { keptHeads } from "../audit/heads.ts";
import { followActivations } from "../generations/activations.ts";
import type { Clock } from "../ports/clock.ts";
import { isEngineError } from "../ports/errors.ts";
import { type EventStream, waitForMore } from "../ports/event-stream.ts";
import type { RoleLocks } from "../ports/installation.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { type TopicPublisher, type Topics, TopicsUnavailable } from "../ports/topics.ts";
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
  readBatch,
  readOnward,
  type TransactionLimits,
} from "./batch.ts";
import {
  findSwitches,
  publishSwitch,
  type Republished,
  type Republishing,
  republishResumed,
} from "./republish.ts";
import { type Publishing, publishTaken, retryFacts, watchStopped, withStopped } from "./stopped.ts";
import { openSubjectCounts, type SubjectCounts } from "./subject-counts.ts";
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

/** What a publisher reports to whoever runs it. */
type PublisherObserver = Readonly<{
  onState?: (state: PublisherState) => void;
  /** `stoppedKeys`: how many the broker takes no records of. */
  onCommit?: (published: Published, stoppedKeys: number) => void;
  /** `position`: the checkpoint's, when it was opened. */
  onOpen?: (position: number, stoppedKeys: number) => void;
  onStopped?: Publishing["onStopped"];
  onRetry?: (interruption: Interruption) => void;
}>;

/** An error that may pass, and what waits for it. */
export type Interruption = Readonly<{
  error: unknown;
  pauseMs: number;
  /** The last published position; null while no checkpoint has been read. */
  position: number | null;
  /** The stream's head; null where it cannot be asked either. */
  head: number | null;
}>;

export type PublisherState =
  | "waiting_for_lock"
  | "opening"
  | "catching_up"
  /** Everything is published. */
  | "live"
  /** A read model has not projected what is next. */
  | "waiting_for_models"
  | "unavailable";

const MODEL_POLL_MS_MIN = 10;
const MODEL_POLL_MS_MAX = 1000;
/** How often signed heads are looked for that were made since. */
const HEADS_EVERY = SECOND;
const HEADS_AT_ONCE = 100;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 30_000;

/**
 * Publishes a ledger until the signal aborts: waits for the publisher's lock, follows the stream and
 * the read models from the last committed checkpoint on, and never goes past either. While the
 * broker or an engine is away it waits; nothing is kept in memory meanwhile.
 *
 * @throws PublisherFenced, RecordTooLarge, TopicMisconfigured, StreamForked, LedgerMismatch and
 *   faults of the program; what may pass is retried.
 */
export async function runPublisher(options: PublisherOptions, signal: AbortSignal): Promise<void> {
  const { stream, locks, clock, observer } = options;
  observer?.onState?.("waiting_for_lock");
  const lock = await locks.acquire("publisher", signal);
  if (lock === null) return;
  const both = AbortSignal.any([signal, lock.lost]);
  let pauseMs = RETRY_MS_MIN;
  let position: number | null = null;
  try {
    while (!both.aborted) {
      const { error, steps, reached } = await publishUntilError(options, both);
      if (error === null) continue;
      observer?.onState?.("unavailable");
      position = reached ?? position;
      // After progress the pauses begin anew.
      if (steps > 0) pauseMs = RETRY_MS_MIN;
      observer?.onRetry?.({ error, pauseMs, position, head: await headOf(stream) });
      await clock.sleep(pauseMs, both);
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX);
    }
  } finally {
    await lock.release();
  }
}

const headOf = (stream: EventStream): Promise<number | null> =>
  stream.head().then(
    ({ position }) => position,
    () => null,
  );

/** How far an attempt got. */
type Progress = { steps: number; reached: number | null };

/** @returns the error that may pass; null where the signal aborted. */
async function publishUntilError(options: PublisherOptions, signal: AbortSignal) {
  const progress: Progress = { steps: 0, reached: null };
  try {
    await publishFromCheckpoint(options, signal, progress);
    return { error: null, ...progress };
  } catch (error) {
    if (!(error instanceof TopicsUnavailable) && !isEngineError(error)) throw error;
    return { error, ...progress };
  }
}

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
      progress.reached = session.position;
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
  let pauseMs = MODEL_POLL_MS_MIN;
  let state: PublisherState | null = null;
  const enter = (next: PublisherState) => {
    if (state !== next) observer?.onState?.(next);
    state = next;
  };
  const note = (published: Published) => {
    progress.steps += 1;
    progress.reached = published.position;
    observer?.onCommit?.(published, session.stoppedKeys);
  };
  let headsDue = clock.now();
  enter("catching_up");
  while (!signal.aborted) {
    if (clock.now() >= headsDue) {
      headsDue = clock.now() + HEADS_EVERY;
      const heads = await session.publishHeads();
      if (heads !== null) note(heads);
    }
    const published = await session.step();
    if (published !== null) {
      note(published);
      pauseMs = MODEL_POLL_MS_MIN;
      if (state === "waiting_for_models") enter("catching_up");
      continue;
    }
    const { position } = session;
    if ((await stream.head()).position > position) {
      if (pauseMs >= MODEL_POLL_MS_MAX) enter("waiting_for_models");
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, MODEL_POLL_MS_MAX);
    } else {
      enter("live");
      await waitForMore({ stream, clock }, position, signal);
      pauseMs = MODEL_POLL_MS_MIN;
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

/** A publisher that is open, going on from its last committed checkpoint. */
export interface PublishSession {
  readonly position: number;
  /** Keys whose records the broker does not take. */
  readonly stoppedKeys: number;
  /** Publishes what comes next; null where there is nothing that can be published just now. */
  step(): Promise<Published | null>;
  /** Publishes the signed heads that were made since, each size once; null where there are none. */
  publishHeads(): Promise<Published | null>;
  close(): Promise<void>;
}

type Session = Readonly<{ counts: SubjectCounts; tracing: Tracing; traces: Traces }> &
  Omit<Republishing, "checkpoint"> & { checkpoint: PublisherCheckpoint; isThorough: boolean };

/** @throws StreamForked, LedgerMismatch, FormatTooNew, and engine errors as they come. */
export async function openSession(options: SessionOptions): Promise<PublishSession> {
  const { ledger, stream, catalogue, publisher, hashing, onStopped, limits = LIMITS } = options;
  const published = parseCheckpoint(publisher.checkpoint, ledger);
  // Before anything is counted: another stream must not be counted.
  await readOnward(stream, published, 0);
  const publishing = { publisher, hashing, onStopped };
  const checkpoint = await retryFacts({ ...publishing, stream, limits }, published);
  const activations = followActivations(stream);
  await activations.refresh();
  const counts = await openSubjectCounts({ catalogue, stream, hashing }, checkpoint);
  const readers = openReaders(catalogue);
  const context = { stream, catalogue, readers, activations, limits };
  const stopped = watchStopped(checkpoint.models);
  const session: Session = {
    ...{ ...publishing, context, counts, stopped, checkpoint },
    ...{ tracing: options.tracing ?? NO_TRACING, traces: createTraces() },
    isThorough: true,
  };
  let noted: number | null = null;
  const noteStopped = async () => {
    const { length } = session.checkpoint.stopped;
    if (length !== noted) await counts.noteStopped(length);
    noted = length;
  };
  await noteStopped();
  return {
    get position() {
      return session.checkpoint.position;
    },
    get stoppedKeys() {
      return session.checkpoint.stopped.length;
    },
    async step() {
      const published = await takeStep(session);
      await noteStopped();
      return published;
    },
    publishHeads: () => publishHeads(session),
    close: async () => {
      await counts.close();
      await readers.close();
    },
  };
}

/** Another generation is live, a stopped subject has gone on, or the stream goes on: in this order. */
async function takeStep(session: Session): Promise<Published | null> {
  const { context, checkpoint, isThorough } = session;
  const { ready, isWaiting, begun } = await findSwitches(context, checkpoint, isThorough);
  for (const { model, version } of begun) {
    session.checkpoint = withModel(session.checkpoint, model, { version });
  }
  const [first] = ready;
  if (first !== undefined) return advance(session, await publishSwitch(session, first));
  if (isWaiting) return null;
  session.isThorough = false;
  const resumed = await republishResumed(session);
  if (resumed !== null) return advance(session, resumed);
  const batch = await readBatch(session.context, session.checkpoint);
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
  const numbers = await counts.number(events);
  traces.note(events);
  const records = batchMessages(batch, checkpoint, numbers, traces);
  const nextOf = (stopped: readonly StoppedKey[]) =>
    withStopped({ ...checkpoint, position, hash, stopped }, session.stopped, batch);
  session.checkpoint = await traceStep(session, "publish", events, () =>
    publishTaken(session, records, checkpoint, nextOf),
  );
  await counts.commit({ position, hash });
  if (events.some(({ type }) => type === "ModelActivated")) await context.activations.refresh();
  return { position, messages: records.length, facts: events.length };
}

async function publishHeads(session: Session): Promise<Published | null> {
  const { context, checkpoint, publisher } = session;
  const heads = await keptHeads(context.catalogue, checkpoint.heads, HEADS_AT_ONCE);
  const last = heads.at(-1);
  if (last === undefined) return null;
  const next = { ...checkpoint, heads: Number(last.position) };
  const records = heads.map(headMessage);
  await publisher.publish({ records, checkpoint: formatCheckpoint(next) });
  session.checkpoint = next;
  return { position: checkpoint.position, messages: records.length, facts: 0 };
}
