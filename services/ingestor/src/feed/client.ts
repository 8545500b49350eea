import { MILLISECOND, type Nanos } from "@counterfoil/core/exact/time";
import type { SampledLog } from "@counterfoil/http/request-log";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Ingest, Receipt } from "@counterfoil/processing/ports/ingest";
import {
  backoffMs,
  type RandomFraction,
  type RetryPolicy,
} from "@counterfoil/processing/ports/retry";
import type { Logger } from "pino";
import { errorReport, type IngestorMetrics, logIncomplete } from "../telemetry.ts";
import {
  type ConnectSocket,
  classifyFrame,
  type FeedConfig,
  type FeedProgress,
  type FeedSocket,
  type Frame,
  type KeepAlive,
  type SignMessage,
  type SnapshotEnd,
  type SocketEnd,
  startKeepAlive,
  watchSnapshotEnd,
} from "./connection.ts";
import { createFeedRecorder, createRetry, type FeedRecorder } from "./recorder.ts";

type FeedDeps = Readonly<{
  feed: FeedConfig;
  ingest: Ingest;
  clock: Clock;
  logger: Logger;
  metrics: IngestorMetrics;
  log: SampledLog;
  sign: SignMessage;
  connect: ConnectSocket;
  random: RandomFraction;
  newConnection: () => string;
}>;

type FeedClient = Readonly<{
  /** Closes the connection; resolves when its closing is recorded, or cannot be. */
  stop: () => Promise<void>;
}>;

/**
 * Follows the Zero Hash Balances Feed until it is stopped, one connection after the other. All frames
 * of a connection are durable before the next one is opened. The backoff between connections is up to
 * 0.5 s at first, up to 30 s after repeated ends, and up to 5 minutes if each connection brings much to
 * record. It starts over after a connection that lasted a minute after its snapshot.
 */
export function startFeedClient(deps: FeedDeps): FeedClient {
  const stopping = new AbortController();
  deps.metrics.feedState("disconnected");
  const running = followFeed(deps, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function followFeed(deps: FeedDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, random } = deps;
  let continues: string | undefined;
  let consecutiveEnds = 0;
  while (!signal.aborted) {
    let result: ConnectionResult = { subscribedMs: null, bytes: 0 };
    try {
      result = await followConnection(deps, { continues, signal });
      continues = result.connection ?? continues;
    } catch (error) {
      logger.error(errorReport(error), "feed connection failed");
    }
    const { subscribedMs, bytes } = result;
    const wasStable = subscribedMs !== null && subscribedMs >= STABLE_MS;
    consecutiveEnds = wasStable ? 1 : consecutiveEnds + 1;
    await clock.sleep(backoffMs(consecutiveEnds, reconnectPolicy(bytes), random), signal);
  }
}

/** The end of a connection that lasted this long after its snapshot does not count as repeated. */
const STABLE_MS = 60_000;
/** Every connection brings a whole snapshot to record; repeated ends must not bring more than this. */
const REPEATED_BYTES_A_SECOND = 64 * 1024;

/** @param bytes received on the connection that ended */
function reconnectPolicy(bytes: number): Omit<RetryPolicy, "attemptsMax"> {
  const affordableMs = (bytes / REPEATED_BYTES_A_SECOND) * 1000;
  return { delayMsMin: 500, delayMsMax: Math.min(Math.max(affordableMs, 30_000), 300_000) };
}

type ConnectionResult = Readonly<{
  /** Its id; missing if it could not be opened, which is not recorded. */
  connection?: string;
  /** From the first readable snapshot to the end; null if there was none. */
  subscribedMs: number | null;
  /** Received on the connection. */
  bytes: number;
}>;

type ConnectionOptions = Readonly<{
  /** The previous connection of this process, if any. */
  continues: string | undefined;
  /** Aborts when the client stops. */
  signal: AbortSignal;
}>;

/**
 * Follows the feed over one connection: dials, records the opening, subscribes, records the frames and
 * the closing. Resolves once all of them are durable, or the client stopped and could not record them.
 */
async function followConnection(
  deps: FeedDeps,
  options: ConnectionOptions,
): Promise<ConnectionResult> {
  const { metrics, logger } = deps;
  const session = dial(deps, options);
  const { connection, progress } = session;
  const { promise: patienceEnds, resolve: endPatience } = Promise.withResolvers<void>();
  /** Then a stop has nothing to wait for, or to close. */
  const drained = new AbortController();
  const stop = () => {
    if (!progress.hasEnded) closeLocally(session, "stopped");
    void deps.clock.sleep(PATIENCE_MS, drained.signal).then(endPatience);
  };
  options.signal.addEventListener("abort", stop, { signal: drained.signal });
  const { end, closedAt } = await session.ended;
  metrics.feedState("disconnected");
  if (!progress.isOpen) {
    metrics.feedClosed("unreachable");
    logger.warn({ end }, "feed cannot be reached");
    drained.abort();
    return { subscribedMs: null, bytes: 0 };
  }
  const isWhole = end.kind === "closed" && progress.localReason === null;
  if (!isWhole) session.snapshotEnd.connectionBroken();
  const unrecorded = await session.recorder.whenDrained(patienceEnds);
  if (isWhole) session.snapshotEnd.connectionClosed();
  await session.recorder.whenDrained(patienceEnds);
  drained.abort();
  const { frameBytesMax } = deps.feed;
  const closing = closingOf({ ...progress, end, unrecorded, frameBytesMax });
  metrics.feedClosed(closing.reason);
  const level = closing.reason === "stopped" ? "info" : "warn";
  logger[level]({ connection, ...closing }, "feed closed");
  await session.recorder.close({ ...closing, closedAt }).catch(() => {
    logger.error({ connection }, "the feed's closing is not recorded");
  });
  const { subscribedAt, bytes } = progress;
  if (subscribedAt === null) return { connection, subscribedMs: null, bytes };
  return { connection, subscribedMs: Number((closedAt - subscribedAt) / MILLISECOND), bytes };
}

/**
 * How long a stop waits for frames that were received. They are not acknowledged, and what they reported
 * comes again or is missing visibly; a supervisor would soon kill the process.
 */
const PATIENCE_MS = 10_000;

type FeedSession = Readonly<{
  deps: FeedDeps;
  options: ConnectionOptions;
  connection: string;
  progress: Progress;
  socket: FeedSocket;
  recorder: FeedRecorder;
  snapshotEnd: SnapshotEnd;
  ended: Promise<Ended>;
}>;

type Ended = Readonly<{ end: SocketEnd; closedAt: Nanos }>;

function dial(deps: FeedDeps, options: ConnectionOptions): FeedSession {
  const { ingest, clock, metrics } = deps;
  const connection = deps.newConnection();
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  const socket = deps.connect(deps.feed, {
    onOpen: () => open(session),
    onFrame: (bytes) => receive(session, bytes),
    onEnd(end) {
      session.progress.hasEnded = true;
      session.progress.keepAlive?.stop();
      resolve({ end, closedAt: clock.now() });
    },
  });
  const recorder = createFeedRecorder({
    connection,
    ingest,
    retryUntilDone: createRetry({ ...deps, signal: options.signal, onRetry: metrics.feedRetried }),
    flow: socket,
    onReceipt: (frame, receipt) => onRecorded(session, frame, receipt),
    onFailure: (error) => onRecordingFailed(session, error),
  });
  const snapshotEnd = watchSnapshotEnd({
    clock,
    progress: () => progressOf(session),
    onComplete: recorder.completeSnapshot,
  });
  const progress = newProgress();
  const session: FeedSession = {
    deps,
    options,
    connection,
    progress,
    socket,
    recorder,
    snapshotEnd,
    ended,
  };
  return session;
}

function open(session: FeedSession): void {
  const { deps, options, connection, progress, recorder } = session;
  progress.isOpen = true;
  deps.metrics.feedState("connected");
  deps.logger.info({ connection }, "feed connected");
  const { continues } = options;
  const opening = { openedAt: deps.clock.now(), ...(continues !== undefined && { continues }) };
  recorder.open(opening).then(
    () => subscribe(session),
    () => deps.logger.error({ connection }, "the feed's opening is not recorded"),
  );
}

function subscribe(session: FeedSession): void {
  const { deps, progress, socket } = session;
  if (progress.hasEnded || progress.localReason !== null) return;
  progress.hasSubscribed = true;
  socket.send(deps.sign("subscribe", deps.clock.now()));
  progress.keepAlive = startKeepAlive({
    clock: deps.clock,
    ping: () => socket.send(deps.sign("ping", deps.clock.now())),
    progress: () => progressOf(session),
    onSilence(reason) {
      progress.localReason ??= reason;
      socket.terminate();
    },
  });
}

const progressOf = ({ progress, socket, recorder }: FeedSession): FeedProgress => ({
  isReading: !recorder.isPaused(),
  hasSnapshot: progress.hasSnapshot,
  bytesRead: socket.bytesRead(),
  frameBytes: progress.bytes,
});

function receive(session: FeedSession, bytes: Uint8Array): void {
  const { deps, progress, recorder } = session;
  const receivedAt = deps.clock.now();
  const { kind, isBalance } = classifyFrame(bytes);
  progress.frames += 1;
  progress.bytes += bytes.length;
  deps.metrics.feedFrame(kind);
  if (kind === "pong" || kind === "answer") return;
  recorder.record({ number: progress.frames, kind, bytes, receivedAt });
  if (kind === "snapshot") progress.hasSnapshot = true;
  else if (!progress.hasSnapshot && !isBalance) closeLocally(session, "subscription_refused");
}

/** Handles the receipt of a frame that is durable, before the next frame is submitted. */
function onRecorded(session: FeedSession, frame: Frame, receipt: Receipt): void {
  const { deps, progress, recorder, snapshotEnd } = session;
  const { outcome, reason } = receipt;
  deps.metrics.delivered("zerohash", "feed", receipt);
  logIncomplete(deps.log, { provider: "zerohash", channel: "feed", payloadType: "feed", receipt });
  if (reason === "single_chain") {
    progress.isSingleChain = true;
    recorder.markSingleChain();
    snapshotEnd.frameUnreadable();
    closeLocally(session, "single_chain");
  } else if (frame.kind !== "snapshot" || progress.isSingleChain) {
    return;
  } else if (outcome === "quarantined") {
    snapshotEnd.frameUnreadable();
  } else {
    snapshotEnd.frameRecorded();
    if (!progress.hasEnded) deps.metrics.feedState("subscribed");
    progress.subscribedAt ??= deps.clock.now();
  }
}

/** Ends a connection whose frames can no longer be recorded: the next one brings a snapshot. */
function onRecordingFailed({ deps, options, progress, socket }: FeedSession, error: unknown): void {
  if (options.signal.aborted || progress.hasFailed) return;
  progress.hasFailed = true;
  deps.logger.error(errorReport(error), "feed cannot go on");
  socket.terminate();
}

function closeLocally({ progress, socket }: FeedSession, reason: LocalCloseReason): void {
  progress.localReason ??= reason;
  socket.close();
}

/** Why this side closed a connection. */
type LocalCloseReason =
  | "stopped"
  | "liveness"
  | "single_chain"
  | "subscription_refused"
  | "subscription_unanswered";

/** The state of a connection. */
type Progress = {
  isOpen: boolean;
  /** The subscription was sent. */
  hasSubscribed: boolean;
  /** A snapshot was received. */
  hasSnapshot: boolean;
  /** When a readable snapshot became durable. */
  subscribedAt: Nanos | null;
  /** Two accounts of a snapshot share one asset code: multi-chain codes are not enabled. */
  isSingleChain: boolean;
  hasEnded: boolean;
  /** A frame could not be recorded, nor any behind it. */
  hasFailed: boolean;
  localReason: LocalCloseReason | null;
  /** Received so far, including pongs. */
  frames: number;
  bytes: number;
  /** Set while pings are sent. */
  keepAlive: KeepAlive | null;
};

function newProgress(): Progress {
  return {
    isOpen: false,
    hasSubscribed: false,
    hasSnapshot: false,
    subscribedAt: null,
    isSingleChain: false,
    hasEnded: false,
    hasFailed: false,
    localReason: null,
    frames: 0,
    bytes: 0,
    keepAlive: null,
  };
}

type CloseReason = LocalCloseReason | SocketEnd["kind"];

type Closing = Readonly<{ reason: CloseReason; detail?: string }>;

/** The state of a connection at its end, how it ended, and how many frames a stop left unrecorded. */
type EndedConnection = Readonly<Progress> &
  Readonly<{ end: SocketEnd; frameBytesMax: number; unrecorded: number }>;

/** The reason and detail that `FeedClosed` records. */
function closingOf(ended: EndedConnection): Closing {
  const reason = reasonOf(ended);
  const lost = ended.unrecorded > 0 ? `${ended.unrecorded} received frames are not recorded` : "";
  const detail = [detailOf(reason, ended), lost].filter((part) => part !== "").join("; ");
  return detail === "" ? { reason } : { reason, detail };
}

function reasonOf({
  end,
  localReason,
  isSingleChain,
  hasSubscribed,
  hasSnapshot,
}: EndedConnection) {
  // The frame that shows it may be recorded long after the connection ended for another reason.
  if (isSingleChain) return "single_chain";
  if (localReason !== null) return localReason;
  // These say for certain that the subscription is not the reason.
  if (end.kind === "frame_too_large" || end.kind === "protocol_error") return end.kind;
  // The provider documents no refusal; an end before the first snapshot counts as one.
  return hasSubscribed && !hasSnapshot ? "subscription_refused" : end.kind;
}

/** @returns an empty string if the reason alone says enough */
function detailOf(reason: CloseReason, ended: EndedConnection): string {
  const { end, localReason, frames, bytes, frameBytesMax } = ended;
  if (reason === "stopped") return "";
  if (reason === "liveness") return "nothing arrived for 30 s";
  if (reason === "subscription_unanswered") return "no snapshot arrived for 30 s";
  if (reason === "single_chain") return "two accounts of a snapshot share one asset code";
  if (localReason === "subscription_refused") return "an unknown message came before a snapshot";
  if (end.kind === "network" || end.kind === "protocol_error") return end.detail;
  if (end.kind === "closed") return `code ${end.code}${end.reason && `, ${printable(end.reason)}`}`;
  return `more than ${frameBytesMax} bytes, after ${frames} frames of together ${bytes} bytes`;
}

/** Replaces control characters in the provider's text, which would break a terminal that shows it. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
