import type { Nanos } from "@counterfoil/core/exact/time";
import { type FrameKind, frameKind } from "@counterfoil/core/translate/translate";
import { type ClientOptions, WebSocket } from "ws";

/** How a connection ended, as seen from this side. */
export type SocketEnd =
  | Readonly<{ kind: "closed"; code: number; reason: string }>
  /** Without a closing handshake, or never made. */
  | Readonly<{ kind: "network"; detail: string }>
  | Readonly<{ kind: "frame_too_large" }>;

/** `onEnd` comes once and last; without `onOpen` before it the connection was never made. */
export type SocketEvents = Readonly<{
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

export type SocketOptions = Readonly<{ url: string; frameBytesMax: number }>;

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
export type FrameNature = Readonly<{
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
