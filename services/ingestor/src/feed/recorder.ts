import type { Clock } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import {
  type FeedClosing,
  type FeedOpening,
  type Ingest,
  Overloaded,
  type Receipt,
} from "@counterfoil/processing/ports/ingest";
import { backoffMs, type RandomFraction } from "@counterfoil/processing/ports/retry";
import type { Logger } from "pino";
import { errorReport } from "../telemetry.ts";
import type { FeedSocket, Frame } from "./connection.ts";

type RecorderOptions = Readonly<{
  connection: string;
  ingest: Ingest;
  retryUntilDone: RetryUntilDone;
  /** The socket; paused while too many frames are pending. */
  flow: Pick<FeedSocket, "pause" | "resume">;
  /** Runs before the next frame is submitted. */
  onReceipt: (frame: Frame, receipt: Receipt) => void;
  /** Neither this frame nor one behind it can be recorded: a stop, or a fault of this program. */
  onFailure: (error: unknown) => void;
}>;

export type FeedRecorder = Readonly<{
  /** Records the opening. To be called first; frames that arrive meanwhile wait for it. */
  open: (opening: Pick<FeedOpening, "continues" | "openedAt">) => Promise<void>;
  record: (frame: Frame) => void;
  isPaused: () => boolean;
  /** Records later frames for quarantine, because the connection's asset codes are ambiguous. */
  markSingleChain: () => void;
  /** Records that the snapshot is complete, after the frames that are queued. */
  completeSnapshot: (frames: number) => void;
  /**
   * Resolves when the queue is empty, with the number of frames that a stop left unrecorded. Once
   * `patienceEnds`, what has not begun is left, and the rest is not waited for.
   */
  whenDrained: (patienceEnds: Promise<void>) => Promise<number>;
  /** Records the closing; does nothing if the opening was not recorded. */
  close: (closing: Pick<FeedClosing, "reason" | "detail" | "closedAt">) => Promise<void>;
}>;

/**
 * Records one connection: its opening, its frames in order, its closing, each durable before the next
 * is submitted. If two frames were submitted at once, an overload that refuses the first would swap
 * them, and a frame after a single-chain snapshot would be translated before the snapshot is known to
 * be one.
 */
export function createFeedRecorder(options: RecorderOptions): FeedRecorder {
  const { connection, ingest, retryUntilDone, flow, onReceipt, onFailure } = options;
  const queue = createQueue(retryUntilDone);
  const pending = createPendingFrames(flow);
  let payloadType = "feed";
  let isOpened = false;
  return {
    async open(opening) {
      const started = { provider: "zerohash", connection, multi_chain: true, ...opening } as const;
      await queue.add(() => ingest.feedOpened(started));
      isOpened = true;
    },
    record(frame) {
      pending.add(frame);
      const submit = () => ingest.submit(deliveryOf(frame, connection, payloadType));
      const onDone = (receipt: Receipt) => {
        pending.remove(frame);
        onReceipt(frame, receipt);
      };
      // A frame that fails permanently stays pending, and `whenDrained` counts it.
      queue.add(submit, onDone).catch(onFailure);
    },
    isPaused: pending.isPaused,
    markSingleChain() {
      payloadType = "feed:single_chain";
    },
    completeSnapshot(frames) {
      const completion = { provider: "zerohash", connection, frames } as const;
      queue.add(() => ingest.snapshotCompleted(completion)).catch(onFailure);
    },
    async whenDrained(patienceEnds) {
      await Promise.race([queue.whenDrained(), patienceEnds.then(queue.abandon)]);
      return pending.count();
    },
    async close(closing) {
      if (!isOpened) return;
      const closed = { provider: "zerohash", connection, ...closing } as const;
      await retryUntilDone(() => ingest.feedClosed(closed));
    },
  };
}

function deliveryOf(frame: Frame, connection: string, payloadType: string) {
  return {
    provider: "zerohash",
    channel: "feed",
    payloadType,
    notificationId: null,
    place: { connection, frame: frame.number },
    verdict: { signature: "none" },
    bytes: frame.bytes,
    receivedAt: frame.receivedAt,
    correlationId: connection,
  } as const;
}

/** Runs one task after the other; once one has failed permanently, all later ones fail too. */
function createQueue(retryUntilDone: RetryUntilDone) {
  let tail: Promise<unknown> = Promise.resolve();
  let isAbandoned = false;
  return {
    /** `onDone` runs before the next task starts. */
    async add<T>(task: () => Promise<T>, onDone: (result: T) => void = () => {}): Promise<void> {
      const begin = () => {
        if (isAbandoned) throw new Error("stopped before it began");
        return retryUntilDone(task);
      };
      const done = tail.then(begin).then(onDone);
      tail = done;
      await done;
    },
    abandon() {
      isAbandoned = true;
    },
    whenDrained: () => tail.then(noop, noop),
  };
}

const noop = () => {};

/** Exceeded only if a single frame, or one read of the socket, is larger. */
const PENDING_BYTES_MAX = 1_048_576;

/** The memory that a pending frame takes beyond its bytes. */
const FRAME_OVERHEAD_BYTES = 512;

/** Frames that are not durable yet; the socket is paused while they exceed the limit. */
function createPendingFrames(flow: Pick<FeedSocket, "pause" | "resume">) {
  let bytes = 0;
  let count = 0;
  let isPaused = false;
  return {
    isPaused: () => isPaused,
    count: () => count,
    add(frame: Frame) {
      count += 1;
      bytes += frame.bytes.length + FRAME_OVERHEAD_BYTES;
      if (isPaused || bytes <= PENDING_BYTES_MAX) return;
      isPaused = true;
      flow.pause();
    },
    remove(frame: Frame) {
      count -= 1;
      bytes -= frame.bytes.length + FRAME_OVERHEAD_BYTES;
      if (!isPaused || bytes > PENDING_BYTES_MAX / 2) return;
      isPaused = false;
      flow.resume();
    },
  };
}

/** Runs a task until it succeeds. */
type RetryUntilDone = <T>(task: () => Promise<T>) => Promise<T>;

type RetryOptions = Readonly<{
  clock: Clock;
  logger: Logger;
  random: RandomFraction;
  onRetry: () => void;
  /** After it aborts, a task gets one more attempt, and then its error is thrown. */
  signal: AbortSignal;
}>;

const RETRY_POLICY = { delayMsMin: 100, delayMsMax: 10_000 };

/**
 * Retries every error without limit, with a backoff from 0.1 to 10 s. Later tasks wait, since a skipped
 * frame is missing money. Unexpected errors are retried too, but logged as errors.
 */
export function createRetry({ signal, ...options }: RetryOptions): RetryUntilDone {
  const { clock, logger, random, onRetry } = options;
  return async (task) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await task();
      } catch (error) {
        if (signal.aborted) throw error;
        if (isTransient(error)) logger.warn({ error: error.name }, "feed waits for the stream");
        else logger.error(errorReport(error), "feed cannot record");
        onRetry();
        await clock.sleep(backoffMs(attempt, RETRY_POLICY, random), signal);
      }
    }
  };
}

function isTransient(error: unknown): error is Error {
  return error instanceof StreamUnavailable || error instanceof Overloaded;
}
