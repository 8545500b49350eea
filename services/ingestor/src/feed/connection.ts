import { createHmac } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/http";
import { type Nanos, SECOND } from "@counterfoil/core/exact/time";
import { type FrameKind, frameKind } from "@counterfoil/core/translate/translate";
import type { Clock } from "@counterfoil/processing/ports/clock";
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
 * What `COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT` may refer to. The provider does not document what a
 * feed message's signature covers; the default follows its REST interface, which signs timestamp,
 * method, route and body without separators.
 *
 * - `timestamp`: seconds since 1970, as in the message
 * - `method`: `GET`, the request that opens a WebSocket
 * - `route`: the path of the feed's URL, `/` where it has none
 * - `body`: the JSON of the message's `body`, `{}` where it has none
 */
const PLACEHOLDERS = ["timestamp", "method", "route", "body"] as const;

const VARIABLES = [
  "COUNTERFOIL_ZEROHASH_FEED_URL",
  "COUNTERFOIL_ZEROHASH_FEED_KEY",
  "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
  "COUNTERFOIL_ZEROHASH_FEED_SECRET",
] as const;

/**
 * The feed to follow, null where none is configured.
 *
 * @throws StartupError configuration_invalid where it is set by half, naming what is missing, and
 *   where the secret or the signed text cannot be used
 */
export function feedConfigOf(config: Config): FeedConfig | null {
  const [url, key, passphrase, secret] = VARIABLES.map((variable) => config[variable]);
  const missing = VARIABLES.filter((variable) => config[variable] === undefined);
  if (missing.length === VARIABLES.length) return null;
  if (!url || !key || !passphrase || !secret) {
    throw invalid(`the feed is configured by half, missing: ${missing.join(", ")}`);
  }
  if (URL.parse(url)?.hash !== "") {
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
 * Both messages that the client sends. Without `useMultiChainAssetFormat` the provider leaves the
 * chain out of its asset codes, and USDC.ETH and USDC.SOL are both USDC.
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

/** The text of a message, signed for the second of `now`: base64 of HMAC-SHA256. */
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
  /** Without a closing handshake, or never made. */
  | Readonly<{ kind: "network"; detail: string }>
  | Readonly<{ kind: "frame_too_large" }>;

/** `onEnd` comes once and last; without `onOpen` before it the connection was never made. */
type SocketEvents = Readonly<{
  onOpen: () => void;
  onFrame: (bytes: Uint8Array) => void;
  onEnd: (end: SocketEnd) => void;
}>;

/** What the feed client needs of a WebSocket; nothing here throws, failures arrive at `onEnd`. */
export type FeedSocket = Readonly<{
  send: (text: string) => void;
  /** Stops reading; a few frames that were read already may still come. */
  pause: () => void;
  resume: () => void;
  /** Since the connection was made. */
  bytesRead: () => number;
  /** Closes with a handshake, for which the other side has two seconds. */
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
  socket.on("upgrade", (response) => {
    bytesRead = () => response.socket.bytesRead;
  });
  socket.on("open", events.onOpen);
  socket.on("message", (data) => events.onFrame(data as Buffer));
  // "close" always follows, whatever the error.
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", (code, reason) => events.onEnd(endOf(code, reason, failure)));
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

const CLOSE_NORMAL = 1000;

/** What `ws` reports where the other side sent no close frame. */
const CLOSE_ABNORMAL = 1006;

/** `ws` keeps the limit in 32 bits; a greater one would become none. */
const FRAME_BYTES_MAX = 2 ** 31 - 1;

function optionsOf(frameBytesMax: number): ClientOptions & { closeTimeout: number } {
  return {
    maxPayload: Math.min(frameBytesMax, FRAME_BYTES_MAX),
    handshakeTimeout: 10_000,
    closeTimeout: 2_000,
    // A limit on what arrives means little where a small frame can unpack to a large one.
    perMessageDeflate: false,
    // What is no UTF-8 is kept and quarantined like anything else that nobody can read.
    skipUTF8Validation: true,
  };
}

function endOf(code: number, reason: Buffer, failure: NodeJS.ErrnoException | null): SocketEnd {
  if (failure?.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return { kind: "frame_too_large" };
  if (code !== CLOSE_ABNORMAL) return { kind: "closed", code, reason: reason.toString() };
  const detail = failure ? (failure.code ?? failure.message) : "no closing handshake";
  return { kind: "network", detail };
}

/** A frame as it arrived; `number` counts all frames of its connection from 1. */
export type Frame = Readonly<{
  number: number;
  kind: FrameKind;
  bytes: Uint8Array;
  receivedAt: Nanos;
}>;

/** What the client has to know of a frame before anybody has translated it. */
type FrameNature = Readonly<{
  kind: FrameKind;
  /** A message that only a subscription brings. */
  isBalance: boolean;
}>;

/** A snapshot may hold 64 MiB; its type stands near its beginning or its end. */
const PREVIEW_BYTES = 8_192;

const BALANCE = /"message(?:T|_t)ype"\s*:\s*"(?:balance-updated|initial-balances?)"/;

/** No page says how a subscription is refused; whatever speaks of an error is no answer to it. */
const ERROR = /"errors?(?:_?(?:code|message))?"\s*:/i;

export function natureOf(bytes: Uint8Array): FrameNature {
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

/** Three pings without any answer, 30 s: the connection is dead, or the subscription unheard. */
const PINGS_MAX = 3;

/** In an interval; pongs and the heads of frames are less. */
const PROGRESS_BYTES_MIN = 1_024;

export type KeepAlive = Readonly<{ stop: () => void }>;

/** How far a connection has come. */
type FeedProgress = Readonly<{
  /** While the socket is paused, silence proves nothing. */
  isReading: boolean;
  /** A snapshot arrived. */
  isSubscribed: boolean;
  /** On the socket, those of a frame that has not arrived whole too. */
  bytesRead: number;
  /** Of those, what belongs to whole frames. */
  frameBytes: number;
}>;

type KeepAliveOptions = Readonly<{
  clock: Clock;
  ping: () => void;
  progress: () => FeedProgress;
  /** Nothing arrived for 30 s (`liveness`), or much else than a snapshot. Pings end then. */
  onSilence: (reason: "liveness" | "subscription_unanswered") => void;
}>;

/**
 * Pings every 10 s and calls `onSilence` once when three intervals brought nothing, or the
 * subscription no part of a snapshot. It counts its own pings instead of comparing times, so that a
 * clock that is set does not cut a living connection, and bytes instead of frames, since a large
 * snapshot is one frame that may be on its way for minutes.
 */
export function startKeepAlive(options: KeepAliveOptions): KeepAlive {
  const { clock, ping, onSilence } = options;
  const stopping = new AbortController();
  const run = async () => {
    let last = options.progress();
    let silentPings = 0;
    let unansweredPings = 0;
    for (;;) {
      await clock.sleep(PING_INTERVAL_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      const present = options.progress();
      const { isReading, isSubscribed } = present;
      // What came in the last interval came before its end.
      silentPings = 1 + (present.bytesRead === last.bytesRead ? silentPings : 0);
      unansweredPings = isProgress(last, present) ? 0 : unansweredPings + 1;
      if (!isReading) silentPings = 0;
      if (!isReading || isSubscribed) unansweredPings = 0;
      if (silentPings >= PINGS_MAX) return onSilence("liveness");
      if (unansweredPings >= PINGS_MAX) return onSilence("subscription_unanswered");
      last = present;
      ping();
    }
  };
  void run();
  return { stop: () => stopping.abort() };
}

/** Whether a frame that has not arrived whole has grown. */
function isProgress(last: FeedProgress, present: FeedProgress): boolean {
  const growth = present.bytesRead - last.bytesRead - (present.frameBytes - last.frameBytes);
  return growth >= PROGRESS_BYTES_MIN;
}

/** Nothing marks the last frame of a snapshot: it is the one that none follows for so long. */
const SILENCE_MS = 2_000;

export type SnapshotEnd = Readonly<{
  /** A frame of the snapshot is recorded. */
  frameRecorded: () => void;
  /** A frame of it cannot be read: it is never complete. */
  frameLost: () => void;
  /** No more frames come. */
  end: () => void;
}>;

type SnapshotEndOptions = Readonly<{
  clock: Clock;
  /** @param frames of how many the snapshot consists; called again where more come after all */
  onComplete: (frames: number) => void;
}>;

/**
 * Calls `onComplete` when a connection's snapshot is complete. Only then can an account be missing
 * from it.
 */
export function watchSnapshotEnd({ clock, onComplete }: SnapshotEndOptions): SnapshotEnd {
  let frames = 0;
  let completed = 0;
  let isLost = false;
  let silence = new AbortController();

  function complete(): void {
    silence.abort();
    if (isLost || frames === completed) return;
    completed = frames;
    onComplete(frames);
  }

  async function completeAfterSilence(): Promise<void> {
    silence.abort();
    silence = new AbortController();
    const { signal } = silence;
    await clock.sleep(SILENCE_MS, signal);
    if (!signal.aborted) complete();
  }

  return {
    frameRecorded() {
      frames += 1;
      void completeAfterSilence();
    },
    frameLost() {
      isLost = true;
    },
    end: complete,
  };
}
