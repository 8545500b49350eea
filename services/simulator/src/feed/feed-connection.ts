import type { WebSocket } from "ws";
import type { EventLog } from "./event-log.ts";
import {
  type FeedAccount,
  type FeedCredentials,
  initialBalanceText,
  PONG,
  parseClientMessage,
  SUBSCRIBE_ACKNOWLEDGEMENT,
  withoutChains,
} from "./feed-protocol.ts";

/** What a connection did, in the order in which the server saw it; ids are "1", "2", … */
export type FeedEvent = Readonly<{ connection: string }> &
  (
    | Readonly<{ kind: "opened" }>
    | Readonly<{ kind: "subscribed"; multiChain: boolean; credentials: FeedCredentials }>
    | Readonly<{ kind: "refused"; reason: string }>
    | Readonly<{ kind: "received"; text: string }>
    | Readonly<{ kind: "pinged" }>
    | Readonly<{ kind: "closed"; code: number }>
  );

export type Subscription = Readonly<{ connection: string; multiChain: boolean }>;

/** The accounts to list, or a frame to send as it is, or null where the caller sends one later. */
export type Snapshot = readonly FeedAccount[] | string | null;

export type ConnectionRules = Readonly<{
  verify: (credentials: FeedCredentials) => boolean;
  snapshot: (subscription: Subscription) => Snapshot | Promise<Snapshot>;
  acknowledgesSubscribe: boolean;
  idleCloseMs: number;
  /** Asked at each ping, because a test may let the pongs cease. */
  answersPings: () => boolean;
}>;

export type FeedConnection = Readonly<{
  id: string;
  isSubscribed: () => boolean;
  /** Frames of a connection without multi-chain codes lose the chains. */
  send: (text: string) => void;
  /** Ends the TCP connection without a closing handshake, as a failing network does. */
  drop: () => void;
  /** Ends it in due form, behind everything that was sent. */
  close: () => void;
}>;

/** WebSocket close code "policy violation"; the provider publishes no shape for a refusal. */
const CLOSE_REFUSED = 1008;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;

type Serving = Readonly<{ id: string; rules: ConnectionRules; log: EventLog<FeedEvent> }>;

export function serveConnection(socket: WebSocket, { id, rules, log }: Serving): FeedConnection {
  let subscription: Subscription | null = null;
  const idle = setTimeout(() => socket.close(CLOSE_NORMAL, "no ping"), rules.idleCloseMs);
  const send = (text: string) => {
    if (socket.readyState !== socket.OPEN) return;
    socket.send(subscription?.multiChain === false ? withoutChains(text) : text);
  };
  const refuse = (reason: string) => {
    log.add({ kind: "refused", connection: id, reason });
    socket.close(CLOSE_REFUSED, reason);
  };
  const subscribe = async (credentials: FeedCredentials, multiChain: boolean) => {
    if (!rules.verify(credentials)) return refuse("credentials refused");
    subscription = { connection: id, multiChain };
    if (rules.acknowledgesSubscribe) send(SUBSCRIBE_ACKNOWLEDGEMENT);
    log.add({ kind: "subscribed", connection: id, multiChain, credentials });
    const text = snapshotText(await rules.snapshot(subscription));
    if (text !== null) send(text);
  };
  const answerPing = () => {
    idle.refresh();
    if (rules.answersPings()) send(PONG);
    log.add({ kind: "pinged", connection: id });
  };
  log.add({ kind: "opened", connection: id });
  listen(socket, { id, log }, { refuse, subscribe, answerPing, closed: () => clearTimeout(idle) });
  return {
    id,
    isSubscribed: () => subscription !== null,
    send,
    drop: () => socket.terminate(),
    close: () => socket.close(CLOSE_GOING_AWAY),
  };
}

type Handlers = Readonly<{
  refuse: (reason: string) => void;
  subscribe: (credentials: FeedCredentials, multiChain: boolean) => Promise<void>;
  answerPing: () => void;
  closed: () => void;
}>;

function listen(
  socket: WebSocket,
  { id, log }: Pick<Serving, "id" | "log">,
  { refuse, subscribe, answerPing, closed }: Handlers,
): void {
  socket.on("message", (data) => {
    const text = data.toString();
    const message = parseClientMessage(text);
    log.add({ kind: "received", connection: id, text });
    if (message.kind === "malformed") refuse(message.reason);
    if (message.kind === "subscribe") void subscribe(message.credentials, message.multiChain);
    if (message.kind === "ping") answerPing();
  });
  socket.on("error", () => socket.terminate());
  socket.on("close", (code) => {
    closed();
    log.add({ kind: "closed", connection: id, code });
  });
}

function snapshotText(snapshot: Snapshot): string | null {
  return snapshot === null || typeof snapshot === "string"
    ? snapshot
    : initialBalanceText(snapshot);
}
