import type { Clock } from "../ports/clock.ts";
import { isEngineError } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import type { RoleLocks } from "../ports/role-lock.ts";
import { TopicsUnavailable } from "../ports/topic-errors.ts";
import type { Topics } from "../ports/topic-publisher.ts";
import { waitForMore } from "../wait-for-more.ts";
import type { TransactionLimits } from "./context.ts";
import { openSession, type Published, type PublishSession } from "./session.ts";

export type PublisherOptions = Readonly<{
  ledger: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  topics: Topics;
  clock: Clock;
  limits?: TransactionLimits;
  observer?: PublisherObserver;
}>;

/** What a publisher tells whoever runs it. */
export type PublisherObserver = Readonly<{
  onState?: (state: PublisherState) => void;
  onCommit?: (published: Published) => void;
  /** `position`: where it stood when it was opened. */
  onOpen?: (position: number) => void;
  onRetry?: (error: unknown) => void;
}>;

export type PublisherState =
  | "waiting_for_lock"
  | "opening"
  | "catching_up"
  /** Everything is published. */
  | "live"
  /** A read model has not folded what is next. */
  | "waiting_for_models"
  | "unavailable";

const MODEL_POLL_MS_MIN = 10;
const MODEL_POLL_MS_MAX = 1000;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 30_000;

/**
 * Publishes a ledger until the signal aborts: waits for the publisher's lock, follows the stream and
 * the read models from the last committed checkpoint on, and never goes past either. While the
 * broker or an engine is away it waits; nothing is kept in memory meanwhile.
 *
 * @throws PublisherFenced, RecordTooLarge, TopicMisconfigured, StreamForked, LedgerMismatch and
 *   faults of the program; what may pass is tried again.
 */
export async function runPublisher(options: PublisherOptions, signal: AbortSignal): Promise<void> {
  const { locks, clock, observer } = options;
  observer?.onState?.("waiting_for_lock");
  const lock = await locks.acquire("publisher", signal);
  if (lock === null) return;
  const both = AbortSignal.any([signal, lock.lost]);
  let pauseMs = RETRY_MS_MIN;
  try {
    while (!both.aborted) {
      const { error, steps } = await publishUntilTrouble(options, both);
      if (error === null) continue;
      observer?.onState?.("unavailable");
      observer?.onRetry?.(error);
      // What got ahead in between is met with fresh patience.
      if (steps > 0) pauseMs = RETRY_MS_MIN;
      await clock.sleep(pauseMs, both);
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX);
    }
  } finally {
    await lock.release();
  }
}

/** @returns the trouble that may pass; null where the signal aborted. */
async function publishUntilTrouble(options: PublisherOptions, signal: AbortSignal) {
  let steps = 0;
  try {
    await publishFromCheckpoint(options, signal, () => {
      steps += 1;
    });
    return { error: null, steps };
  } catch (error) {
    if (!(error instanceof TopicsUnavailable) && !isEngineError(error)) throw error;
    return { error, steps };
  }
}

async function publishFromCheckpoint(
  options: PublisherOptions,
  signal: AbortSignal,
  onStep: () => void,
): Promise<void> {
  const { topics, observer } = options;
  observer?.onState?.("opening");
  const publisher = await topics.open();
  try {
    const session = await openSession({ ...options, publisher });
    try {
      observer?.onOpen?.(session.position);
      await follow(options, session, { signal, onStep });
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
  { signal, onStep }: Readonly<{ signal: AbortSignal; onStep: () => void }>,
): Promise<void> {
  let pauseMs = MODEL_POLL_MS_MIN;
  let state: PublisherState | null = null;
  const enter = (next: PublisherState) => {
    if (state !== next) observer?.onState?.(next);
    state = next;
  };
  enter("catching_up");
  while (!signal.aborted) {
    const published = await session.step();
    if (published !== null) {
      onStep();
      observer?.onCommit?.(published);
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
