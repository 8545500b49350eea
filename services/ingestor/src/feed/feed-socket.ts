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
