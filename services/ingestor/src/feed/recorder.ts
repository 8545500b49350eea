import { backoffMs, type Clock, type RandomFraction } from "@counterfoil/processing/ports/clock";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import {
  type FeedClosing,
  type FeedOpening,
  type Ingest,
  Overloaded,
  type Receipt,
} from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import { errorReport } from "../telemetry.ts";
import type { FeedSocket, Frame } from "./connection.ts";

type RecorderOptions = Readonly<{
  connection: string;
  ingest: Ingest;
  persist: Persist;
  /** Where frames come from; it is paused while too many are pending. */
  flow: Pick<FeedSocket, "pause" | "resume">;
  /** Runs before the next frame is handed over. */
  onReceipt: (frame: Frame, receipt: Receipt) => void;
}>;

export type FeedRecorder = Readonly<{
  /** Comes first; frames that arrive meanwhile wait for it. */
  open: (opening: Pick<FeedOpening, "continues" | "openedAt">) => Promise<void>;
  record: (frame: Frame) => void;
  isPaused: () => boolean;
  /** From now on frames are recorded for quarantine: the connection's asset codes are ambiguous. */
  distrust: () => void;
  /** Every frame of the snapshot is recorded; queued behind the frames that came before. */
  completeSnapshot: (frames: number) => void;
  /** Resolves when nothing is pending, with the number of frames that a stop left unrecorded. */
  drained: () => Promise<number>;
  /** Does nothing where the opening itself was not recorded. */
  close: (closing: Pick<FeedClosing, "reason" | "detail" | "closedAt">) => Promise<void>;
}>;

/**
 * Records one connection: its opening, its frames in their order, its closing, each durable before
 * the next is handed over. Two frames under way at once could change places when the first is
 * refused for overload, and those behind a single-chain snapshot must not be read as if it were
 * none.
 */
export function createFeedRecorder(options: RecorderOptions): FeedRecorder {
  const { connection, ingest, persist, flow, onReceipt } = options;
  const queue = createQueue(persist);
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
      // What fails for good stays pending, and `drained` counts it.
      queue.add(submit, onDone).catch(() => {});
    },
    isPaused: pending.isPaused,
    distrust() {
      payloadType = "feed:single_chain";
    },
    completeSnapshot(frames) {
      const completion = { provider: "zerohash", connection, frames } as const;
      queue.add(() => ingest.snapshotCompleted(completion)).catch(() => {});
    },
    drained: () => queue.drained().then(pending.count),
    async close(closing) {
      if (!isOpened) return;
      await persist(() => ingest.feedClosed({ provider: "zerohash", connection, ...closing }));
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

/** One piece of work after the other; once one has failed for good, those behind it fail too. */
function createQueue(persist: Persist) {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    /** `onDone` runs before the next piece of work begins. */
    async add<T>(work: () => Promise<T>, onDone: (result: T) => void = () => {}): Promise<void> {
      const done = tail.then(() => persist(work)).then(onDone);
      tail = done;
      await done;
    },
    drained: () => tail.then(nothing, nothing),
  };
}

const nothing = () => {};

/** More than this is pending only if one frame alone, or one read of the socket, is larger. */
const PENDING_BYTES_MAX = 1_048_576;

/** A pending frame takes more memory than its bytes. */
const FRAME_OVERHEAD_BYTES = 512;

/** Frames that are not durable yet; while they are too many the socket is not read. */
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

/** Does the work until it succeeds. */
type Persist = <T>(work: () => Promise<T>) => Promise<T>;

type PersistOptions = Readonly<{
  clock: Clock;
  logger: Logger;
  random: RandomFraction;
  onRetry: () => void;
  /** Once it aborts, work gets one more attempt and then its error is thrown. */
  signal: AbortSignal;
}>;

const PAUSES = { delayMsMin: 100, delayMsMax: 10_000 };

/**
 * Repeats whatever fails, with backoff from 0.1 to 10 s and without end: what comes after it waits,
 * since a frame that is skipped is money that is missing. Unforeseen errors are repeated too, and
 * logged as such.
 */
export function createPersist({ signal, ...options }: PersistOptions): Persist {
  const { clock, logger, random, onRetry } = options;
  return async (work) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) throw error;
        if (isTransient(error)) logger.warn({ error: error.name }, "feed waits for the stream");
        else logger.error(errorReport(error), "feed cannot record");
        onRetry();
        await clock.sleep(backoffMs(attempt, PAUSES, random), signal);
      }
    }
  };
}

function isTransient(error: unknown): error is Error {
  return error instanceof StreamUnavailable || error instanceof Overloaded;
}
