import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { createEventLog, type EventLog } from "./feed/event-log.ts";
import {
  type ConnectionRules,
  type FeedConnection,
  type FeedEvent,
  type Subscription,
  serveConnection,
} from "./feed/feed-connection.ts";

export type FeedServerOptions = Readonly<{
  /** 0, the default, takes a free port of the loopback address. */
  port?: number;
  verify?: ConnectionRules["verify"];
  /** The present non-zero accounts. May take its time: what is pushed meanwhile comes before. */
  snapshot?: ConnectionRules["snapshot"];
  acknowledgesSubscribe?: boolean;
  /** The provider closes 20 s after the last ping. */
  idleCloseMs?: number;
  /** How long a test waits before its promise is rejected. */
  waitMsMax?: number;
}>;

export type FeedServer = Readonly<{
  url: string;
  /** Sends a frame to every subscribed connection; returns how many there are. */
  push: (text: string) => number;
  /** Sends any text to one connection, subscribed or not. */
  send: (connection: string, text: string) => void;
  /** Cuts one connection, or all of them, without a closing handshake. */
  drop: (connection?: string) => void;
  /** Closes one connection, or all, behind what was sent to it. */
  close: (connection?: string) => void;
  /** false: pings are heard but not answered. */
  answerPings: (answers: boolean) => void;
  /** Ids of the open connections, oldest first. */
  connections: () => readonly Readonly<{ id: string; isSubscribed: boolean }>[];
  /** All that happened on all connections, closed ones too. */
  events: () => readonly FeedEvent[];
  /** The nth subscription (from 1) since the server started. */
  waitForSubscription: (nth?: number) => Promise<Subscription>;
  /** Until `count` pings came, on one connection or on all together. */
  waitForPings: (count: number, connection?: string) => Promise<void>;
  /** The code with which this connection was closed. */
  waitForClose: (connection: string) => Promise<number>;
  waitForRefusal: () => Promise<string>;
  stop: () => Promise<void>;
}>;

/** The provider's side of the Balances Feed, on a loopback port. */
export async function createFeedServer(options: FeedServerOptions = {}): Promise<FeedServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: options.port ?? 0 });
  const log = createEventLog<FeedEvent>(options.waitMsMax ?? 10_000);
  const open = new Map<string, FeedConnection>();
  let answersPings = true;
  let opened = 0;
  const rules = rulesOf(options, () => answersPings);
  server.on("connection", (socket) => {
    opened += 1;
    const connection = serveConnection(socket, { id: String(opened), rules, log });
    open.set(connection.id, connection);
    socket.on("close", () => open.delete(connection.id));
  });
  await whenListening(server);
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    push: (text) => pushAll([...open.values()], text),
    send: (connection, text) => open.get(connection)?.send(text),
    drop(connection) {
      for (const each of chosen(open, connection)) each.drop();
    },
    close(connection) {
      for (const each of chosen(open, connection)) each.close();
    },
    answerPings(answers) {
      answersPings = answers;
    },
    connections: () =>
      [...open.values()].map(({ id, isSubscribed }) => ({ id, isSubscribed: isSubscribed() })),
    events: log.all,
    ...waitersOf(log),
    stop: () => stopServer(server, [...open.values()]),
  };
}

function whenListening(server: WebSocketServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
}

function rulesOf(options: FeedServerOptions, answersPings: () => boolean): ConnectionRules {
  return {
    verify: options.verify ?? (() => true),
    snapshot: options.snapshot ?? (() => []),
    acknowledgesSubscribe: options.acknowledgesSubscribe ?? false,
    idleCloseMs: options.idleCloseMs ?? 20_000,
    answersPings,
  };
}

function pushAll(connections: readonly FeedConnection[], text: string): number {
  const subscribed = connections.filter((connection) => connection.isSubscribed());
  for (const connection of subscribed) connection.send(text);
  return subscribed.length;
}

/** One connection, or all of them. */
function chosen(open: ReadonlyMap<string, FeedConnection>, id: string | undefined) {
  return [...open.values()].filter((connection) => id === undefined || connection.id === id);
}

function waitersOf(log: EventLog<FeedEvent>) {
  return {
    waitForSubscription: (nth = 1) =>
      log.when<Subscription>(
        (events) => events.filter((event) => event.kind === "subscribed")[nth - 1],
        `subscription ${nth}`,
      ),
    waitForPings: async (count: number, connection?: string) => {
      const isMeant = (event: FeedEvent) =>
        event.kind === "pinged" && (connection === undefined || event.connection === connection);
      await log.when(
        (events) => (events.filter(isMeant).length >= count ? true : undefined),
        `ping ${count}`,
      );
    },
    waitForClose: (connection: string) =>
      log.when(
        (events) => events.filter(isClosed).find((event) => event.connection === connection)?.code,
        `the end of connection ${connection}`,
      ),
    waitForRefusal: () =>
      log.when((events) => events.find((event) => event.kind === "refused")?.reason, "a refusal"),
  };
}

function isClosed(event: FeedEvent): event is Extract<FeedEvent, { kind: "closed" }> {
  return event.kind === "closed";
}

async function stopServer(
  server: WebSocketServer,
  connections: readonly FeedConnection[],
): Promise<void> {
  for (const connection of connections) connection.drop();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
