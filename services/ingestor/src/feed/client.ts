import { MILLISECOND, type Nanos } from "@counterfoil/core/exact/time";
import type { SampledLog } from "@counterfoil/http/request-log";
import {
  backoffMs,
  type Clock,
  type RandomFraction,
  type RetryPolicy,
} from "@counterfoil/processing/ports/clock";
import type { Ingest, Receipt } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import { errorReport, type IngestorMetrics, logQuarantined } from "../telemetry.ts";
import {
  type ConnectSocket,
  type FeedConfig,
  type FeedSocket,
  type Frame,
  type KeepAlive,
  natureOf,
  type SignMessage,
  type SnapshotEnd,
  type SocketEnd,
  startKeepAlive,
  watchSnapshotEnd,
} from "./connection.ts";
import { createFeedRecorder, createPersist, type FeedRecorder } from "./recorder.ts";

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
  /** Closes the connection and resolves when its end is recorded, or cannot be. */
  stop: () => Promise<void>;
}>;

/**
 * Follows the Zero Hash Balances Feed for ever, one connection after the other. What one received
 * is durable before the next is made; between them it waits up to 0.5 s at first, up to 30 s after
 * ends in a row, and up to five minutes where each brought much to record. The row ends with a
 * connection that lives for a minute behind its snapshot.
 */
export function startFeedClient(deps: FeedDeps): FeedClient {
  const stopping = new AbortController();
  deps.metrics.feedState("disconnected");
  const running = followForEver(deps, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function followForEver(deps: FeedDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, random } = deps;
  let continues: string | undefined;
  let endsInARow = 0;
  while (!signal.aborted) {
    let lived: Lived = { subscribedMs: null, bytes: 0 };
    try {
      lived = await followConnection(deps, { continues, signal });
      continues = lived.connection ?? continues;
    } catch (error) {
      logger.error(errorReport(error), "feed connection failed");
    }
    const { subscribedMs, bytes } = lived;
    endsInARow = subscribedMs !== null && subscribedMs >= STEADY_MS ? 1 : endsInARow + 1;
    await clock.sleep(backoffMs(endsInARow, pausesBehind(bytes), random), signal);
  }
}

/** After that a connection's end is no sign of something that lasts. */
const STEADY_MS = 60_000;
/** Every connection brings a whole snapshot to record: this much a second, where they end at once. */
const REPEATED_BYTES_A_SECOND = 64 * 1024;

function pausesBehind(bytes: number): Omit<RetryPolicy, "attemptsMax"> {
  const affordableMs = (bytes / REPEATED_BYTES_A_SECOND) * 1000;
  return { delayMsMin: 500, delayMsMax: Math.min(Math.max(affordableMs, 30_000), 300_000) };
}

type Lived = Readonly<{
  /** Its id; missing where it could not be made, which nothing records. */
  connection?: string;
  /** From the first snapshot that could be read to the end; null where there was none. */
  subscribedMs: number | null;
  /** Received on it. */
  bytes: number;
}>;

type ConnectionOptions = Readonly<{
  /** The connection of this process that had closed before, if any. */
  continues: string | undefined;
  /** Aborts when the client stops. */
  signal: AbortSignal;
}>;

/**
 * Follows the feed over one connection, from dialling until its end is recorded: opening, then the
 * subscription, then the frames. Resolves once all of that is durable, or the client stops and gives
 * up on it.
 */
async function followConnection(deps: FeedDeps, options: ConnectionOptions): Promise<Lived> {
  const { metrics, logger } = deps;
  const session = dial(deps, options);
  const { connection, progress } = session;
  const stop = () => leave(session, "stopped");
  options.signal.addEventListener("abort", stop);
  const { end, closedAt } = await session.ended;
  options.signal.removeEventListener("abort", stop);
  metrics.feedState("disconnected");
  if (!progress.isOpen) {
    metrics.feedClosed("unreachable");
    logger.warn({ end }, "feed cannot be reached");
    return { subscribedMs: null, bytes: 0 };
  }
  const unrecorded = await session.recorder.drained();
  // After a closing handshake nothing is missing; a connection that broke may lack frames.
  if (end.kind === "closed" && progress.departure === null) session.snapshotEnd.end();
  await session.recorder.drained();
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
    persist: createPersist({ ...deps, signal: options.signal, onRetry: metrics.feedRetried }),
    flow: socket,
    onReceipt: (frame, receipt) => onRecorded(session, frame, receipt),
  });
  const snapshotEnd = watchSnapshotEnd({ clock, onComplete: recorder.completeSnapshot });
  const progress = newProgress();
  const session = { deps, options, connection, progress, socket, recorder, snapshotEnd, ended };
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
  const { deps, progress, socket, recorder } = session;
  if (progress.hasEnded || progress.departure !== null) return;
  progress.isSubscribing = true;
  socket.send(deps.sign("subscribe", deps.clock.now()));
  progress.keepAlive = startKeepAlive({
    clock: deps.clock,
    ping: () => socket.send(deps.sign("ping", deps.clock.now())),
    progress: () => ({
      isReading: !recorder.isPaused(),
      isSubscribed: progress.isSubscribed,
      bytesRead: socket.bytesRead(),
      frameBytes: progress.bytes,
    }),
    onSilence(reason) {
      progress.departure ??= reason;
      socket.terminate();
    },
  });
}

function receive(session: FeedSession, bytes: Uint8Array): void {
  const { deps, progress, recorder } = session;
  const receivedAt = deps.clock.now();
  const { kind, isBalance } = natureOf(bytes);
  progress.frames += 1;
  progress.bytes += bytes.length;
  deps.metrics.feedFrame(kind);
  if (kind === "pong" || kind === "answer") return;
  recorder.record({ number: progress.frames, kind, bytes, receivedAt });
  if (kind === "snapshot") progress.isSubscribed = true;
  else if (!progress.isSubscribed && !isBalance) leave(session, "subscription_refused");
}

/** A frame is durable. The next one waits until this has handled its receipt. */
function onRecorded(session: FeedSession, frame: Frame, receipt: Receipt): void {
  const { deps, progress, recorder, snapshotEnd } = session;
  const { outcome, reason } = receipt;
  deps.metrics.delivered("zerohash", "feed", outcome);
  logQuarantined(deps.log, { provider: "zerohash", channel: "feed", payloadType: "feed", receipt });
  if (reason === "single_chain") {
    progress.isSingleChain = true;
    recorder.distrust();
    snapshotEnd.frameLost();
    leave(session, "single_chain");
  } else if (frame.kind === "snapshot" && !progress.isSingleChain) {
    if (outcome === "quarantined") snapshotEnd.frameLost();
    else snapshotEnd.frameRecorded();
    if (!progress.hasEnded) deps.metrics.feedState("subscribed");
    progress.subscribedAt ??= deps.clock.now();
  }
}

function leave({ progress, socket }: FeedSession, departure: Departure): void {
  progress.departure ??= departure;
  socket.close();
}

/** Why this side left a connection. */
type Departure =
  | "stopped"
  | "liveness"
  | "single_chain"
  | "subscription_refused"
  | "subscription_unanswered";

/** What happened on a connection so far. */
type Progress = {
  isOpen: boolean;
  /** The subscription was sent. */
  isSubscribing: boolean;
  /** A snapshot arrived. */
  isSubscribed: boolean;
  /** When one was durable and could be read. */
  subscribedAt: Nanos | null;
  /** Two accounts of a snapshot share one asset code: multi-chain codes were not turned on. */
  isSingleChain: boolean;
  hasEnded: boolean;
  departure: Departure | null;
  /** Received so far, pongs too. */
  frames: number;
  bytes: number;
  /** While pings are sent. */
  keepAlive: KeepAlive | null;
};

function newProgress(): Progress {
  return {
    isOpen: false,
    isSubscribing: false,
    isSubscribed: false,
    subscribedAt: null,
    isSingleChain: false,
    hasEnded: false,
    departure: null,
    frames: 0,
    bytes: 0,
    keepAlive: null,
  };
}

type CloseReason = Departure | SocketEnd["kind"];

type Closing = Readonly<{ reason: CloseReason; detail?: string }>;

/** What the connection went through, how it ended, and how many frames a stop left unrecorded. */
type ConnectionFacts = Readonly<Progress> &
  Readonly<{ end: SocketEnd; frameBytesMax: number; unrecorded: number }>;

/** What `FeedClosed` says of a connection that has ended. */
function closingOf(facts: ConnectionFacts): Closing {
  const reason = reasonOf(facts);
  const lost = facts.unrecorded > 0 ? `${facts.unrecorded} received frames are not recorded` : "";
  const detail = [detailOf(reason, facts), lost].filter((part) => part !== "").join("; ");
  return detail === "" ? { reason } : { reason, detail };
}

function reasonOf({ end, departure, isSingleChain, isSubscribing, isSubscribed }: ConnectionFacts) {
  // The frame that shows it may be recorded long after the connection ended for another reason.
  if (isSingleChain) return "single_chain";
  if (departure !== null) return departure;
  if (end.kind === "frame_too_large") return end.kind;
  // The provider documents no refusal; an end before the first snapshot is taken for one.
  return isSubscribing && !isSubscribed ? "subscription_refused" : end.kind;
}

/** For the reasons that need no more words, how the connection ended says enough. */
function detailOf(reason: CloseReason, facts: ConnectionFacts): string {
  const { end, departure, frames, bytes, frameBytesMax } = facts;
  if (reason === "stopped") return "";
  if (reason === "liveness") return "nothing arrived for 30 s";
  if (reason === "subscription_unanswered") return "no snapshot arrived for 30 s";
  if (reason === "single_chain") return "two accounts of a snapshot share one asset code";
  if (departure === "subscription_refused") return "an unknown message came before a snapshot";
  if (end.kind === "network") return end.detail;
  if (end.kind === "closed") return `code ${end.code}${end.reason && `, ${printable(end.reason)}`}`;
  return `more than ${frameBytesMax} bytes, after ${frames} frames of together ${bytes} bytes`;
}

/** Text of the other side; control characters would break whatever shows it. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
