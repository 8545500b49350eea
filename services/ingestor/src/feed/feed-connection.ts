import type { Nanos } from "@counterfoil/core/exact/time";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Ingest, Receipt } from "@counterfoil/processing/ports/ingest";
import type { Logger } from "pino";
import type { IngestorMetrics } from "../metrics.ts";
import type { RandomFraction } from "./backoff.ts";
import { closingOf } from "./closing.ts";
import { createPersist } from "./durable.ts";
import type { FeedConfig } from "./feed-config.ts";
import { createFeedRecorder, type FeedRecorder } from "./feed-recorder.ts";
import type { ConnectSocket, FeedSocket, SocketEnd } from "./feed-socket.ts";
import { type Frame, natureOf } from "./frame.ts";
import { startKeepAlive } from "./keep-alive.ts";
import { type Departure, newProgress, type Progress } from "./progress.ts";
import type { SignMessage } from "./signing.ts";
import { type SnapshotEnd, watchSnapshotEnd } from "./snapshot-end.ts";

export type ConnectionDeps = Readonly<{
  feed: FeedConfig;
  ingest: Ingest;
  clock: Clock;
  logger: Logger;
  metrics: IngestorMetrics;
  sign: SignMessage;
  connect: ConnectSocket;
  random: RandomFraction;
  newConnection: () => string;
}>;

export type ConnectionOptions = Readonly<{
  /** The connection of this process that had closed before, if any. */
  continues: string | undefined;
  /** Aborts when the client stops. */
  signal: AbortSignal;
  /** A snapshot is durable and can be read. */
  onSubscribed: () => void;
}>;

/**
 * Follows the feed over one connection, from dialling until its end is recorded: opening, then the
 * subscription, then the frames. Resolves once all of that is durable, or given up because the client stops.
 *
 * @returns the connection's id; null where it could not be made, which nothing records
 */
export async function followConnection(
  deps: ConnectionDeps,
  options: ConnectionOptions,
): Promise<string | null> {
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
    return null;
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
  return connection;
}

type FeedSession = Readonly<{
  deps: ConnectionDeps;
  options: ConnectionOptions;
  connection: string;
  progress: Progress;
  socket: FeedSocket;
  recorder: FeedRecorder;
  snapshotEnd: SnapshotEnd;
  ended: Promise<Ended>;
}>;

type Ended = Readonly<{ end: SocketEnd; closedAt: Nanos }>;

function dial(deps: ConnectionDeps, options: ConnectionOptions): FeedSession {
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
    isReading: () => !recorder.isPaused(),
    onSilence() {
      progress.departure ??= "liveness";
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
  progress.keepAlive?.heard();
  deps.metrics.feedFrame(kind);
  if (kind === "pong" || kind === "answer") return;
  recorder.record({ number: progress.frames, kind, bytes, receivedAt });
  if (kind === "snapshot") progress.isSubscribed = true;
  else if (!progress.isSubscribed && !isBalance) leave(session, "subscription_refused");
}

/** A frame is durable. The next one waits until this has handled its receipt. */
function onRecorded(session: FeedSession, frame: Frame, { outcome, reason }: Receipt): void {
  const { deps, options, progress, recorder, snapshotEnd } = session;
  deps.metrics.delivered("zerohash", "feed", outcome);
  if (reason === "single_chain") {
    progress.isSingleChain = true;
    recorder.distrust();
    snapshotEnd.frameLost();
    leave(session, "single_chain");
  } else if (frame.kind === "snapshot" && !progress.isSingleChain) {
    if (outcome === "quarantined") snapshotEnd.frameLost();
    else snapshotEnd.frameRecorded();
    if (!progress.hasEnded) deps.metrics.feedState("subscribed");
    options.onSubscribed();
  }
}

function leave({ progress, socket }: FeedSession, departure: Departure): void {
  progress.departure ??= departure;
  socket.close();
}
