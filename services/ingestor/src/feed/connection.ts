import { createHmac } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/http";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { type FrameKind, frameKind } from "@counterfoil/core/translate/translate";
import type { Clock } from "@counterfoil/processing/ports/clock";
import { LARGE_BYTES } from "@counterfoil/processing/ports/ingest";
import { type ClientOptions, WebSocket } from "ws";
import { BASE64 } from "../signatures.ts";

export type FeedConfig = Readonly<{
  url: string;
  key: string;
  passphrase: string;
  secret: Buffer;
  signedText: string;
  frameBytesMax: number;
}>;

/**
 * The placeholders of `COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT`. The provider does not document what the
 * signature of a feed message covers; the default follows its REST interface, which signs timestamp,
 * method, route and body without separators.
 *
 * - `timestamp`: seconds since 1970, as in the message
 * - `method`: `GET`, the request that opens a WebSocket
 * - `route`: the path of the feed's URL, `/` if it has none
 * - `body`: the JSON of the message's `body`, `{}` if it has none
 */
const PLACEHOLDERS = ["timestamp", "method", "route", "body"] as const;

const VARIABLES = [
  "COUNTERFOIL_ZEROHASH_FEED_URL",
  "COUNTERFOIL_ZEROHASH_FEED_KEY",
  "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
  "COUNTERFOIL_ZEROHASH_FEED_SECRET",
] as const;

/**
 * The configuration of the feed; null if none is configured.
 *
 * @throws StartupError configuration_invalid if it is set only in part, naming what is missing, or if
 *   the secret or the signed text is invalid
 */
export function feedConfigOf(config: Config): FeedConfig | null {
  const [url, key, passphrase, secret] = VARIABLES.map((variable) => config[variable]);
  const missing = VARIABLES.filter((variable) => config[variable] === undefined);
  if (missing.length === VARIABLES.length) return null;
  if (!url || !key || !passphrase || !secret) {
    throw invalid(`the feed is configured by half, missing: ${missing.join(", ")}`);
  }
  const parsed = URL.parse(url);
  if (parsed === null) throw invalid("COUNTERFOIL_ZEROHASH_FEED_URL: expected a URL");
  if (parsed.hash !== "") {
    throw invalid("COUNTERFOIL_ZEROHASH_FEED_URL: expected a URL without a fragment");
  }
  if (!BASE64.test(secret)) throw invalid("COUNTERFOIL_ZEROHASH_FEED_SECRET: expected base64");
  const { COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT: signedText } = config;
  assertKnownPlaceholders(signedText);
  const frameBytesMax = config.COUNTERFOIL_MAX_FRAME_BYTES;
  const secretBytes = Buffer.from(secret, "base64");
  return { url, key, passphrase, secret: secretBytes, signedText, frameBytesMax };
}

function assertKnownPlaceholders(signedText: string): void {
  const known: readonly string[] = PLACEHOLDERS;
  const unknown = [...signedText.matchAll(/\{(\w*)\}/g)].find(
    ([, name = ""]) => !known.includes(name),
  );
  if (unknown === undefined) return;
  const names = PLACEHOLDERS.map((name) => `{${name}}`).join(", ");
  throw invalid(`COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT: ${unknown[0]} is none of ${names}`);
}

function invalid(message: string): StartupError {
  return new StartupError("configuration_invalid", message);
}

type FeedMessage = "subscribe" | "ping";

/**
 * The two messages that the client sends. Without `useMultiChainAssetFormat` the provider omits the
 * chain from its asset codes, so that USDC.ETH and USDC.SOL are both USDC.
 */
const MESSAGES: Readonly<Record<FeedMessage, Readonly<Record<string, unknown>>>> = {
  subscribe: {
    messageType: "subscribe",
    topic: "balances",
    useMultiChainAssetFormat: true,
    body: {},
  },
  ping: { messageType: "ping" },
};

/** Composes a message with its signature, base64 of HMAC-SHA256, at the second of `now`. */
export type SignMessage = (message: FeedMessage, now: Nanos) => string;

export function createSigner(
  config: Pick<FeedConfig, "url" | "key" | "passphrase" | "secret" | "signedText">,
): SignMessage {
  const { key, passphrase, secret } = config;
  const route = new URL(config.url).pathname;
  return (name, now) => {
    const message = MESSAGES[name];
    const timestamp = String(now / SECOND);
    const values: Readonly<Record<string, string>> = {
      timestamp,
      method: "GET",
      route,
      body: JSON.stringify(message.body ?? {}),
    } satisfies Record<(typeof PLACEHOLDERS)[number], string>;
    const signed = config.signedText.replace(/\{(\w+)\}/g, (_, field) => values[field] ?? "");
    const signature = createHmac("sha256", secret).update(signed).digest("base64");
    return JSON.stringify({ ...message, key, passphrase, timestamp, signature });
  };
}

/** How a connection ended, as seen from this side. */
export type SocketEnd =
  | Readonly<{ kind: "closed"; code: number; reason: string }>
  /** Without a closing handshake, or never opened. */
  | Readonly<{ kind: "network"; detail: string }>
  /** The server broke the rules of the protocol, or sent a frame in too many parts. */
  | Readonly<{ kind: "protocol_error"; detail: string }>
  | Readonly<{ kind: "frame_too_large" }>;

/** `onEnd` is called once and last; if `onOpen` was not called before, no connection was opened. */
type SocketEvents = Readonly<{
  onOpen: () => void;
  onFrame: (bytes: Uint8Array) => void;
  onEnd: (end: SocketEnd) => void;
}>;

/** A WebSocket as the feed client needs it. Its methods never throw; failures are reported to `onEnd`. */
export type FeedSocket = Readonly<{
  send: (text: string) => void;
  /** Stops reading; a few frames that were already read may still be delivered. */
  pause: () => void;
  resume: () => void;
  /** Since the connection was opened. */
  bytesRead: () => number;
  /** Closes with a handshake, to which the server has two seconds to reply. */
  close: () => void;
  /** Cuts the connection. */
  terminate: () => void;
}>;

type SocketOptions = Readonly<{ url: string; frameBytesMax: number }>;

export type ConnectSocket = (options: SocketOptions, events: SocketEvents) => FeedSocket;

/** The feed's socket over `ws`. */
export const connectSocket: ConnectSocket = ({ url, frameBytesMax }, events) => {
  const socket = new WebSocket(url, optionsOf(frameBytesMax));
  let failure: NodeJS.ErrnoException | null = null;
  let bytesRead = () => 0;
  // The timeout of `ws` starts over with every byte of a handshake.
  const connecting = setTimeout(() => {
    failure = new Error(`no WebSocket within ${CONNECT_TIMEOUT_MS / 1000} s`);
    socket.terminate();
  }, CONNECT_TIMEOUT_MS);
  socket.on("upgrade", (response) => {
    bytesRead = () => response.socket.bytesRead;
  });
  socket.on("open", () => {
    clearTimeout(connecting);
    events.onOpen();
  });
  socket.on("message", (data) => events.onFrame(shared(data as Buffer)));
  // "close" follows every error.
  socket.on("error", (error) => {
    failure ??= error;
  });
  socket.on("close", (code, reason) => {
    clearTimeout(connecting);
    events.onEnd(endOf(code, reason, failure));
  });
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text, () => {});
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    bytesRead: () => bytesRead(),
    close: () => socket.close(CLOSE_NORMAL),
    terminate: () => socket.terminate(),
  };
};

/** The bytes of a large frame in memory that the thread that reads it shares: two copies would be too many. */
function shared(frame: Buffer): Uint8Array {
  if (frame.length <= LARGE_BYTES) return frame;
  const bytes = new Uint8Array(new SharedArrayBuffer(frame.length));
  bytes.set(frame);
  // Nobody else has it, and the collector of garbage would leave it for a while.
  if (frame.buffer.byteLength === frame.length) (frame.buffer as ArrayBuffer).transfer(0);
  return bytes;
}

const CLOSE_NORMAL = 1000;

/** The code that `ws` reports if the server sent no close frame. */
const CLOSE_ABNORMAL = 1006;

/** `ws` keeps the limit in 32 bits; a greater value would mean no limit. */
const FRAME_BYTES_MAX = 2 ** 31 - 1;

/** From dialling to an open WebSocket: name, connection, TLS and handshake. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A frame may come in parts, fragments of its message or reads of its socket, of this many bytes on average.
 * A part takes some 120 bytes beside its own, so that a frame of 64 MiB takes 30 MiB more at most.
 */
const PART_BYTES = 256;
/** Smaller frames may come in smaller parts. */
const PARTS_MIN = 256 * 1024;

function optionsOf(frameBytesMax: number): ClientOptions & { closeTimeout: number } {
  const maxPayload = Math.min(frameBytesMax, FRAME_BYTES_MAX);
  const partsMax = Math.max(PARTS_MIN, Math.ceil(maxPayload / PART_BYTES));
  return {
    maxPayload,
    maxFragments: partsMax,
    maxBufferedChunks: partsMax,
    closeTimeout: 2_000,
    // The size limit could be avoided by a small frame that decompresses to a large one.
    perMessageDeflate: false,
    // Invalid UTF-8 is recorded and quarantined like any other unreadable frame.
    skipUTF8Validation: true,
  };
}

function endOf(code: number, reason: Buffer, failure: NodeJS.ErrnoException | null): SocketEnd {
  if (failure?.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return { kind: "frame_too_large" };
  if (failure?.code?.startsWith("WS_ERR_")) {
    return { kind: "protocol_error", detail: `${failure.code}, ${failure.message}` };
  }
  if (code !== CLOSE_ABNORMAL) return { kind: "closed", code, reason: reason.toString() };
  const detail = failure ? (failure.code ?? failure.message) : "no closing handshake";
  return { kind: "network", detail };
}

/** A frame as it was received; `number` counts all frames of its connection from 1. */
export type Frame = Readonly<{
  number: number;
  kind: FrameKind;
  bytes: Uint8Array;
  receivedAt: Nanos;
}>;

/** What the client knows of a frame before it is translated. */
type FrameClass = Readonly<{
  kind: FrameKind;
  /** A message that is sent only to a subscriber. */
  isBalance: boolean;
}>;

/** A snapshot may have 64 MiB; its type is near the beginning or the end. */
const PREVIEW_BYTES = 8_192;

const BALANCE = /"message(?:T|_t)ype"\s*:\s*"(?:balance-updated|initial-balances?)"/;

/** The provider does not document a refused subscription; an answer with an error counts as one. */
const ERROR = /"errors?(?:_?(?:code|message))?"\s*:/i;

/** Classifies a frame by the text at its beginning and its end. */
export function classifyFrame(bytes: Uint8Array): FrameClass {
  const text = previewOf(bytes);
  const kind = frameKind(text);
  const isError = kind === "answer" && ERROR.test(text);
  return { kind: isError ? "other" : kind, isBalance: BALANCE.test(text) };
}

function previewOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length <= 2 * PREVIEW_BYTES) return buffer.toString();
  return `${buffer.toString("utf8", 0, PREVIEW_BYTES)}${buffer.subarray(-PREVIEW_BYTES)}`;
}

/** The provider closes 20 s after the last ping; an older page of its documentation says 10. */
const PING_INTERVAL_MS = 10_000;

/** Three pings without an answer, 30 s: the connection is dead, or the subscription was not received. */
const PINGS_MAX = 3;

/** In one interval; pongs and frame headers are smaller. */
const PROGRESS_BYTES_MIN = 1_024;

export type KeepAlive = Readonly<{ stop: () => void }>;

/** What was received on a connection so far. */
export type FeedProgress = Readonly<{
  /** False while the socket is paused: then silence does not show a dead connection. */
  isReading: boolean;
  /** A snapshot was received. */
  hasSnapshot: boolean;
  /** On the socket, including those of an incomplete frame. */
  bytesRead: number;
  /** Those of complete frames. */
  frameBytes: number;
}>;

type KeepAliveOptions = Readonly<{
  clock: Clock;
  ping: () => void;
  progress: () => FeedProgress;
  /** For 30 s nothing was received (`liveness`), or no part of a snapshot. Pings stop then. */
  onSilence: (reason: "liveness" | "subscription_unanswered") => void;
}>;

/**
 * Pings every 10 s and calls `onSilence` once after three intervals in which nothing was received, or
 * no part of the expected snapshot. It counts its own pings instead of comparing times, so that a
 * change of the clock does not close a live connection, and bytes instead of frames, since a large
 * snapshot is one frame that may take minutes to arrive.
 */
export function startKeepAlive(options: KeepAliveOptions): KeepAlive {
  const { clock, ping, onSilence } = options;
  const stopping = new AbortController();
  const run = async () => {
    let previous = options.progress();
    let silentPings = 0;
    let unansweredPings = 0;
    for (;;) {
      await clock.sleep(PING_INTERVAL_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      const current = options.progress();
      const { isReading, hasSnapshot } = current;
      // An interval with bytes counts as one too: they may have come at its beginning.
      silentPings = 1 + (current.bytesRead === previous.bytesRead ? silentPings : 0);
      unansweredPings = hasFrameGrown(previous, current) ? 0 : unansweredPings + 1;
      if (!isReading) silentPings = 0;
      if (!isReading || hasSnapshot) unansweredPings = 0;
      if (silentPings >= PINGS_MAX) return onSilence("liveness");
      if (unansweredPings >= PINGS_MAX) return onSilence("subscription_unanswered");
      previous = current;
      ping();
    }
  };
  void run();
  return { stop: () => stopping.abort() };
}

/** Whether an incomplete frame has grown. */
function hasFrameGrown(previous: FeedProgress, current: FeedProgress): boolean {
  const read = current.bytesRead - previous.bytesRead;
  const completed = current.frameBytes - previous.frameBytes;
  return read - completed >= PROGRESS_BYTES_MIN;
}

/**
 * The provider does not mark the last frame of a snapshot: it is the last one before this silence, in
 * which no part of another frame comes either.
 */
const SILENCE_MS = 2_000;

export type SnapshotEnd = Readonly<{
  /** A frame of the snapshot is recorded. */
  frameRecorded: () => void;
  /** A frame of the snapshot cannot be read, so it is never complete. */
  frameUnreadable: () => void;
  /** The connection closed properly: no more frames come. */
  connectionClosed: () => void;
  /** It ended otherwise: frames may be lost. */
  connectionBroken: () => void;
}>;

type SnapshotEndOptions = Readonly<{
  clock: Clock;
  progress: () => FeedProgress;
  /** Called again if more frames follow. @param frames the number of frames of the snapshot */
  onComplete: (frames: number) => void;
}>;

/**
 * Calls `onComplete` when a connection's snapshot is complete. Only in a complete snapshot can an
 * account be missing.
 */
export function watchSnapshotEnd(options: SnapshotEndOptions): SnapshotEnd {
  const { clock, onComplete } = options;
  let frames = 0;
  let completedFrames = 0;
  let isIncomplete = false;
  let silence = new AbortController();

  function complete(): void {
    silence.abort();
    if (isIncomplete || frames === completedFrames) return;
    completedFrames = frames;
    onComplete(frames);
  }

  async function completeAfterSilence(): Promise<void> {
    silence.abort();
    silence = new AbortController();
    const { signal } = silence;
    for (let isSilent = false; !isSilent; ) {
      const previous = options.progress();
      await clock.sleep(SILENCE_MS, signal);
      if (signal.aborted) return;
      const current = options.progress();
      isSilent = current.isReading && !hasFrameGrown(previous, current);
    }
    complete();
  }

  return {
    frameRecorded() {
      frames += 1;
      void completeAfterSilence();
    },
    frameUnreadable() {
      isIncomplete = true;
    },
    connectionClosed: complete,
    connectionBroken() {
      isIncomplete = true;
      silence.abort();
    },
  };
}
