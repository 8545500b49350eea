import type { ConnectSocket, FeedSocket, SocketEnd } from "../feed/connection.ts";
import { runPending } from "./manual-clock.ts";
import { createWatchedList, type WatchedList } from "./watched-list.ts";

/** The other side of one connection. */
export type FakeConnection = Readonly<{
  /** What the client sent, parsed. */
  sent: WatchedList<Readonly<Record<string, unknown>>>;
  /** What the client did to the socket. */
  did: WatchedList<Exclude<keyof FeedSocket, "send" | "bytesRead">>;
  open: () => Promise<void>;
  /** Sends frames in one go, as one read of a socket may bring them. */
  send: (...frames: readonly unknown[]) => Promise<void>;
  /** Sends this many bytes of an incomplete frame. */
  sendPart: (bytes: number) => void;
  end: (end: SocketEnd) => Promise<void>;
}>;

type FakeFeed = Readonly<{ connect: ConnectSocket; dials: WatchedList<FakeConnection> }>;

export const CLOSED: SocketEnd = { kind: "closed", code: 1000, reason: "" };
export const CUT: SocketEnd = { kind: "network", detail: "no closing handshake" };

/** A feed without a network, controlled by the test. */
export function createFakeFeed(): FakeFeed {
  const dials = createWatchedList<FakeConnection>();
  const connect: ConnectSocket = (_options, events) => {
    const sent = createWatchedList<Readonly<Record<string, unknown>>>();
    const did: FakeConnection["did"] = createWatchedList();
    let hasEnded = false;
    let bytesRead = 0;
    const end = async (how: SocketEnd) => {
      await runPending();
      if (!hasEnded) events.onEnd(how);
      hasEnded = true;
      await runPending();
    };
    const act = (name: Exclude<keyof FeedSocket, "send" | "bytesRead">, how?: SocketEnd) => () => {
      did.add(name);
      if (how !== undefined) void end(how);
    };
    dials.add({
      sent,
      did,
      end,
      async open() {
        events.onOpen();
        await runPending();
      },
      sendPart(bytes) {
        bytesRead += bytes;
      },
      async send(...frames) {
        for (const frame of frames) {
          const bytes = bytesOf(frame);
          bytesRead += bytes.length;
          events.onFrame(bytes);
        }
        await runPending();
      },
    });
    return {
      send: (text) => sent.add(JSON.parse(text)),
      bytesRead: () => bytesRead,
      pause: act("pause"),
      resume: act("resume"),
      close: act("close", CLOSED),
      terminate: act("terminate", CUT),
    };
  };
  return { connect, dials };
}

function bytesOf(frame: unknown): Uint8Array {
  if (frame instanceof Uint8Array) return frame;
  return Buffer.from(typeof frame === "string" ? frame : JSON.stringify(frame));
}
