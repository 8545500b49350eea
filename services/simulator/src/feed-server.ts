import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export type FeedServerOptions = Readonly<{
  /** 0, the default, uses a free port of the loopback address. */
  port?: number;
  /** The provider closes 20 s after the last ping. */
  idleCloseMs?: number;
  /** How long a wait lasts before its promise is rejected. */
  waitMsMax?: number;
}>;

type Subscription = Readonly<{ connection: string; multiChain: boolean }>;

export type FeedServer = Readonly<{
  url: string;
  /** Sends a frame to every subscribed connection; returns how many there are. */
  push: (text: string) => number;
  /** Closes all connections with a close frame, after what was sent to them. */
  close: () => void;
  /** Ids of the open connections, "1", "2", …, oldest first. */
  connections: () => readonly string[];
  /** The nth subscription (from 1) since the server started. */
  waitForSubscription: (nth?: number) => Promise<Subscription>;
  /** The code with which this connection was closed. */
  waitForClose: (connection: string) => Promise<number>;
  stop: () => Promise<void>;
}>;

/**
 * The provider's side of the Balances Feed, on a loopback port. It sends only what it is given: the
 * frames of a scenario or of a plan include the snapshot.
 */
export async function createFeedServer(options: FeedServerOptions = {}): Promise<FeedServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: options.port ?? 0 });
  const log = createEventLog(options.waitMsMax ?? 10_000);
  const open = new Map<string, FeedConnection>();
  let opened = 0;
  server.on("connection", (socket) => {
    opened += 1;
    const id = String(opened);
    open.set(id, serveConnection(socket, { id, idleCloseMs: options.idleCloseMs ?? 20_000, log }));
    socket.on("close", () => open.delete(id));
  });
  await whenListening(server);
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    push(text) {
      let sent = 0;
      for (const connection of open.values()) if (connection.send(text)) sent += 1;
      return sent;
    },
    close() {
      for (const connection of open.values()) connection.close();
    },
    connections: () => [...open.keys()],
    waitForSubscription: (nth = 1) =>
      log.when(
        (events) => events.filter((event) => event.kind === "subscribed")[nth - 1],
        `subscription ${nth}`,
      ),
    waitForClose: (connection) =>
      log.when(
        (events) => events.filter(isClosed).find((event) => event.connection === connection)?.code,
        `the end of connection ${connection}`,
      ),
    async stop() {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function whenListening(server: WebSocketServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
}

type FeedConnection = Readonly<{
  /** @returns false if the connection has not subscribed */
  send: (text: string) => boolean;
  close: () => void;
}>;

type Serving = Readonly<{ id: string; idleCloseMs: number; log: EventLog }>;

/** WebSocket close code "policy violation"; the provider publishes no shape for a refusal. */
const CLOSE_REFUSED = 1008;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;

const PONG = '{"messageType":"pong"}';

function serveConnection(socket: WebSocket, { id, idleCloseMs, log }: Serving): FeedConnection {
  let subscription: Subscription | null = null;
  const idle = setTimeout(() => socket.close(CLOSE_NORMAL, "no ping"), idleCloseMs);
  socket.on("message", (data) => {
    const message = parseClientMessage(data.toString());
    if (message.kind === "malformed") socket.close(CLOSE_REFUSED, message.reason);
    if (message.kind === "ping") {
      idle.refresh();
      socket.send(PONG);
    }
    if (message.kind === "subscribe") {
      subscription = { connection: id, multiChain: message.multiChain };
      log.add({ kind: "subscribed", ...subscription });
    }
  });
  socket.on("error", () => socket.terminate());
  socket.on("close", (code) => {
    clearTimeout(idle);
    log.add({ kind: "closed", connection: id, code });
  });
  return {
    send(text) {
      if (subscription === null) return false;
      const isOpen = socket.readyState === socket.OPEN;
      if (isOpen) socket.send(subscription.multiChain ? text : withoutChains(text));
      return true;
    },
    close: () => socket.close(CLOSE_GOING_AWAY),
  };
}

/** A frame for a connection that did not ask for multi-chain codes: USDC.ETH becomes USDC. */
function withoutChains(frame: string): string {
  return frame.replace(/("asset"\s*:\s*"[^".]*)\.[^"]*"/g, '$1"');
}

type ClientMessage =
  | Readonly<{ kind: "subscribe"; multiChain: boolean }>
  | Readonly<{ kind: "ping" | "other" }>
  | Readonly<{ kind: "malformed"; reason: string }>;

function parseClientMessage(text: string): ClientMessage {
  const message = parseObject(text);
  if (message === null) return malformed("not a JSON object");
  if (message.messageType === "ping") return { kind: "ping" };
  return message.messageType === "subscribe" ? parseSubscribe(message) : { kind: "other" };
}

/** Credentials are in the message, not in HTTP headers; only their presence is checked. */
function parseSubscribe(message: JsonObject): ClientMessage {
  const { key, passphrase, timestamp, signature, topic, body } = message;
  // The topic may be missing; the body may be empty but is required.
  if (topic !== undefined && topic !== "balances") return malformed(`unknown topic ${topic}`);
  if (typeof body !== "object" || body === null) return malformed("body is missing");
  if (typeof timestamp !== "string" || !/^\d{10}$/.test(timestamp)) {
    return malformed("timestamp is not a text of seconds");
  }
  if (!isText(key) || !isText(passphrase) || !isText(signature)) {
    return malformed("key, passphrase or signature is missing");
  }
  return { kind: "subscribe", multiChain: message.useMultiChainAssetFormat === true };
}

function malformed(reason: string): ClientMessage {
  return { kind: "malformed", reason };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

type Closed = Readonly<{ kind: "closed"; connection: string; code: number }>;
type FeedEvent = (Subscription & Readonly<{ kind: "subscribed" }>) | Closed;

const isClosed = (event: FeedEvent): event is Closed => event.kind === "closed";

/** What happened on all connections; `when` waits for an event instead of polling. */
type EventLog = Readonly<{
  add: (event: FeedEvent) => void;
  /** Resolves with the first result of `answer` other than undefined, now or after a later event. */
  when: <A>(answer: (events: readonly FeedEvent[]) => A | undefined, what: string) => Promise<A>;
}>;

function createEventLog(timeoutMs: number): EventLog {
  const events: FeedEvent[] = [];
  const waiters = new Set<() => void>();
  return {
    add(event) {
      events.push(event);
      for (const check of [...waiters]) check();
    },
    async when<A>(answer: (events: readonly FeedEvent[]) => A | undefined, what: string) {
      const { promise, resolve, reject } = Promise.withResolvers<A>();
      const check = () => {
        const found = answer(events);
        if (found !== undefined) resolve(found);
      };
      const timer = setTimeout(() => reject(new Error(`${what} did not happen`)), timeoutMs);
      waiters.add(check);
      check();
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiters.delete(check);
      }
    },
  };
}
